// What every command gets: settings, the control client, output as text or JSON.

import { PlatformError, systemClock } from '@millrace/domain';
import type { Command } from 'commander';
import { ControlClient } from '../client/control.http.js';
import { EXIT_BY_CODE } from '../exit-codes.js';
import { type CliSettings, cliSettings } from '../settings.js';

export interface Context {
  settings: CliSettings;
  control: ControlClient;
  json: boolean;
  /** Prints the value as JSON with --json, else the text and below it the commands that come next. */
  print(value: unknown, text: () => string, next?: readonly string[]): void;
}

/**
 * Exactly what stands between a command and the terminal: errors as one line, exit codes by kind. `run` gets what
 * commander gives: arguments, options, the command.
 */
export function action<Args extends unknown[]>(run: (context: Context, ...args: Args) => Promise<number | undefined>) {
  return async (...args: unknown[]): Promise<void> => {
    const command = args.at(-1) as Command;
    const json = command.optsWithGlobals().json === true;
    try {
      const settings = cliSettings();
      const context: Context = {
        settings,
        control: new ControlClient(settings.addresses),
        json,
        print: (value, text, next = []) =>
          process.stdout.write(
            `${json ? JSON.stringify(value, null, 2) : [text(), ...next.map((one) => `Next: ${one}`)].join('\n')}\n`,
          ),
      };
      process.exitCode = (await run(context, ...(args as Args))) ?? 0;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      process.exitCode = EXIT_BY_CODE[error.code];
      if (error.facts.told === true) return;
      if (json)
        process.stdout.write(
          `${JSON.stringify({ error: { code: error.code, message: error.reason, facts: error.facts } })}\n`,
        );
      else process.stderr.write(`millrace: ${error.reason}\n`);
    }
  };
}

/** Polls until `check` gives a value. */
export async function poll<T>(
  check: () => Promise<T | undefined>,
  what: string,
  deadlineMs: number,
  everyMs = 200,
): Promise<T> {
  const startedMs = systemClock.monotonicMs();
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (systemClock.monotonicMs() - startedMs > deadlineMs)
      throw new PlatformError('deadline_exceeded', `waited ${deadlineMs / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
