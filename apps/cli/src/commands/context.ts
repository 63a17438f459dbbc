// What every command gets: settings, the control client, output as text or JSON.

import { environment } from '@millrace/config';
import { PlatformError, systemClock } from '@millrace/domain';
import { isMissingFile } from '@millrace/files';
import type { Command } from 'commander';
import { ControlClient } from '../client/control.http.js';
import { replicaUrls } from '../client/replicas.js';
import { EXIT_BY_CODE, EXIT_INTERRUPTED } from '../exit-codes.js';
import { explained } from '../not-found.js';
import { projectHere } from '../project-file.fs.js';
import { type CliSettings, cliSettings } from '../settings.js';
import { RunFolder } from '../supervisor/run-folder.fs.js';
import { toldError } from '../system-error.js';
import { fitted } from '../table.js';
import { Reporter } from '../terminal/reporter.terminal.js';
import { STOP_SIGNALS } from '../terminal/stop-signal.process.js';
import { nextTyped, textTyped, typedAs } from '../terminal/typed-as.js';
import { namedProject } from './named-project.js';

export interface Context {
  settings: CliSettings;
  control: ControlClient;
  json: boolean;
  /**
   * Prints the value as JSON with --json, else the text and below it the commands that come next. Those go to stderr
   * where stdout is no terminal: what reads the answer there gets the answer alone. `text` is told how wide the
   * terminal is; undefined = none is looking.
   */
  print(value: unknown, text: (width: number | undefined) => string, next?: readonly string[]): void;
  /** Stages of a long piece of work, on stderr: the result is what stdout is for. */
  stages(): Reporter;
  /** What is true of the work when Ctrl-C ends the command from now on: what goes on without it, how to go on. */
  whenStopped(told: string): void;
}

/**
 * Exactly what stands between a command and the terminal: errors as one line, exit codes by kind. `run` gets what
 * commander gives: arguments, options, the command.
 */
export function action<Args extends unknown[]>(run: (context: Context, ...args: Args) => Promise<number | undefined>) {
  return async (...args: unknown[]): Promise<void> => {
    const command = args.at(-1) as Command;
    const json = command.optsWithGlobals().json === true;
    const reporter = new Reporter(process.stderr, systemClock);
    const typed = typedAs(environment(), process.cwd());
    try {
      const settings = cliSettings();
      const context: Context = {
        stages: () => reporter,
        whenStopped: stopTold(reporter),
        settings,
        control: controlOf(settings),
        json,
        print: (value, text, next = []) => {
          if (json) {
            process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
            return;
          }
          const width = process.stdout.isTTY ? process.stdout.columns : undefined;
          process.stdout.write(`${fitted(textTyped(text(width), typed), width)}\n`);
          const beside = process.stdout.isTTY ? process.stdout : process.stderr;
          beside.write(next.map((one) => `Next: ${nextTyped(one, typed)}\n`).join(''));
        },
      };
      process.exitCode = (await run(context, ...(args as Args))) ?? 0;
    } catch (thrown) {
      // A bar that stays leaves the terminal without cursor.
      reporter.close();
      const error = await ofProject(toldError(thrown), command, args);
      process.exitCode = EXIT_BY_CODE[error.code];
      if (error.facts.told === true) return;
      if (json)
        process.stdout.write(
          `${JSON.stringify({ error: { code: error.code, message: error.reason, facts: error.facts } })}\n`,
        );
      else {
        const width = process.stderr.isTTY ? process.stderr.columns : undefined;
        process.stderr.write(`${fitted(`millrace: ${textTyped(error.reason, typed)}`, width)}\n`);
      }
    }
  };
}

/** Asks whichever replica of a service lives. */
export function controlOf(settings: CliSettings, deadlineMs?: number): ControlClient {
  const notes = new RunFolder(settings.home).notes();
  return new ControlClient(settings.addresses, deadlineMs, replicaUrls(settings, notes));
}

/** The project that a command names may be what was not found. */
async function ofProject(error: PlatformError, command: Command, args: readonly unknown[]): Promise<PlatformError> {
  const name = namedProject(command, args);
  // What the command itself misses, it has told with the next command.
  const isTold = isMissingFile(error) || error.reason.includes('`millrace ');
  if (name === undefined || error.code !== 'not_found' || isTold) return error;
  return explained(error, name, controlOf(cliSettings()), projectHere());
}

/** Ends the command on the first signal, with its bars, and says what holds then. */
function stopTold(reporter: Reporter): (told: string) => void {
  let told = '';
  const stop = () => {
    reporter.close();
    process.stderr.write(`millrace: stopped: ${textTyped(told, typedAs(environment(), process.cwd()))}\n`);
    process.exit(EXIT_INTERRUPTED);
  };
  return (text) => {
    if (told === '') for (const signal of STOP_SIGNALS) process.once(signal, stop);
    told = text;
  };
}

/** A service that is started again answers sooner; one that stays away is told. */
const SILENCE_MAX_MS = 15_000;

/** Polls until `check` gives a value; whom it asks may be away for a while. */
export async function poll<T>(
  check: () => Promise<T | undefined>,
  what: string,
  deadlineMs: number,
  everyMs = 200,
): Promise<T> {
  const startedMs = systemClock.monotonicMs();
  let answeredMs = startedMs;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined) return value;
      answeredMs = systemClock.monotonicMs();
    } catch (thrown) {
      const isAway = PlatformError.from(thrown).code === 'unavailable';
      if (!isAway || systemClock.monotonicMs() - answeredMs > SILENCE_MAX_MS) throw thrown;
    }
    if (systemClock.monotonicMs() - startedMs > deadlineMs)
      throw new PlatformError('deadline_exceeded', `waited ${deadlineMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
