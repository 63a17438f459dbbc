// Ctrl-C on a real terminal while a bar runs: the command ends (a bar's timer once kept it alive for ever), says so
// once, and a second one ends it at once. A script stands for the command; the platform's own stop is the end-to-end
// test's.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { eventually } from '@millrace/testing';

const compiled = (file: string) => JSON.stringify(resolve('dist', file));

/** Work that never ends, and a stop that takes as long as it is told. */
const COMMAND = `
import { systemClock } from ${compiled('libs/domain/src/index.js')};
import { Reporter } from ${compiled('apps/cli/src/terminal/reporter.terminal.js')};
import { StopSignal } from ${compiled('apps/cli/src/terminal/stop-signal.process.js')};
const reporter = new Reporter(process.stdout, systemClock);
const say = (line) => { reporter.close(); reporter.line(line); };
const stop = new StopSignal({ clock: systemClock, say });
stop.beforeEndAtOnce(() => reporter.line('killed'));
const stage = reporter.stage('replay', '20000 rows');
const timer = setInterval(() => stage.progress(1, 100, 'replay'), 50);
await stop.unlessAsked(new Promise(() => undefined)).catch((error) => reporter.line(error.code));
clearInterval(timer);
await new Promise((wake) => setTimeout(wake, Number(process.argv[2])));
process.exitCode = 7;
`;

describe('Ctrl-C on a terminal', () => {
  let folder: string;
  let child: ChildProcess;
  let shown: string;
  let ended: Promise<number | null>;

  function start(stopTakesMs: number): Promise<unknown> {
    const script = join(folder, 'command.mjs');
    writeFileSync(script, COMMAND);
    const args = [resolve('test/e2e/support/terminal.py'), process.execPath, script, `${stopTakesMs}`];
    child = spawn('python3', args, {
      env: { PATH: environment().PATH, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    shown = '';
    child.stdout?.on('data', (chunk) => {
      shown += chunk;
    });
    ended = new Promise((done) => child.once('close', done));
    return eventually('the bar runs', () => shown.includes('1%'));
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-terminal-'));
  });

  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  it('ends a command whose bar still runs, which says so once', async () => {
    await start(0);
    child.stdin?.write('\x03');
    expect(await ended).toBe(7);
    expect(shown.match(/Stopping …/g)).toHaveLength(1);
    expect(shown).toContain('cancelled');
    expect(shown.slice(shown.indexOf('Stopping')).includes('1%')).toBe(false);
  }, 30_000);

  it('takes one that comes twice for one, and a later one ends at once', async () => {
    await start(600_000);
    child.stdin?.write('\x03\x03');
    await eventually('it stops', () => shown.includes('cancelled'));
    expect(shown).not.toContain('killed');
    // Later than the same keystroke may arrive a second time.
    await new Promise((wake) => setTimeout(wake, 500));
    child.stdin?.write('\x03');
    expect(await ended).toBe(130);
    expect(shown).toContain('killed');
    expect(shown.match(/Stopping …/g)).toHaveLength(1);
  }, 30_000);
});
