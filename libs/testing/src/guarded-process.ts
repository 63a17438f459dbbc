// Runs a program that must not outlive the test run, however that ends: a small guard process holds a pipe from here;
// when the pipe closes, it ends the program and removes its home.

import { type ChildProcess, spawn } from 'node:child_process';

// Plain JavaScript, because it runs in a Node of its own without a build.
const GUARD = `
const { spawn } = require('node:child_process');
const { openSync, rmSync } = require('node:fs');
const { command, args, log, home } = JSON.parse(process.argv[1]);
const out = openSync(log, 'a');
const child = spawn(command, args, { stdio: ['ignore', out, out] });
let ended = false;
let keep = false;
const clean = () => { if (home && !keep) rmSync(home, { recursive: true, force: true, maxRetries: 5 }); };
child.on('error', (error) => { process.stdout.write('error ' + error.message + '\\n'); process.exit(1); });
child.on('exit', (code, signal) => { ended = true; process.stdout.write('exit ' + (code === null ? signal : code) + '\\n'); if (closing) { clean(); process.exit(0); } });
process.stdout.write('pid ' + child.pid + '\\n');
let closing = false;
const close = () => {
  if (closing) return;
  closing = true;
  if (ended) { clean(); process.exit(0); }
  child.kill('SIGTERM');
  setTimeout(() => child.kill('SIGKILL'), 8000).unref();
};
process.stdin.on('data', (said) => { if (String(said).includes('keep')) keep = true; });
process.stdin.on('end', close).on('close', close).on('error', close).resume();
process.on('SIGTERM', close).on('SIGINT', close);
process.stdout.on('error', () => undefined);
`;

export interface GuardedProcess {
  readonly pid: number;
  /** True until the program has ended. */
  isRunning(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the program has ended. */
  ended(): Promise<void>;
  /** Ends program and guard; removes the home where one was given, unless it is to be used again. */
  stop(settings?: { keepHome?: boolean }): Promise<void>;
}

export async function startGuarded(settings: {
  command: string;
  args: readonly string[];
  log: string;
  home?: string;
}): Promise<GuardedProcess> {
  const guard: ChildProcess = spawn(process.execPath, ['-e', GUARD, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const guardEnded = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  let running = true;
  let resolveEnded: () => void;
  const ended = new Promise<void>((resolve) => {
    resolveEnded = resolve;
  });
  const pid = await new Promise<number>((resolve, reject) => {
    let text = '';
    guard.once('error', reject);
    guard.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const started = /^pid (\d+)$/m.exec(text);
      if (started !== null) resolve(Number(started[1]));
      const failed = /^error (.*)$/m.exec(text);
      if (failed !== null) reject(new Error(`${settings.command}: ${failed[1]}`));
      if (/^exit /m.test(text)) {
        running = false;
        resolveEnded();
      }
    });
  });
  // The test runner must be able to end while a shared broker still runs.
  guard.unref();
  for (const stream of [guard.stdin, guard.stdout]) (stream as unknown as { unref(): void } | null)?.unref();
  return {
    pid,
    isRunning: () => running,
    kill: (signal) => {
      if (running) process.kill(pid, signal);
    },
    ended: () => ended,
    stop: async ({ keepHome = false } = {}) => {
      guard.ref();
      guard.stdin?.end(keepHome ? 'keep\n' : undefined);
      await guardEnded;
    },
  };
}
