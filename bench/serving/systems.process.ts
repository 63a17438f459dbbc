// The processes under measurement and how each is started: a command that listens on ports given to it, a check that it
// answers, an end. None outlives the bench.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '@millrace/config';
import { freePort, waitForPort } from '@millrace/testing';

/** A server being measured; ports that it lacks are 0. */
export interface System {
  readonly name: string;
  readonly pid: number;
  readonly grpcPort: number;
  readonly httpPort: number;
  stop(): Promise<void>;
}

export interface Command {
  name: string;
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Where its output goes. */
  log: string;
  grpcPort: number;
  httpPort?: number;
}

const START_MS = 60_000;
const STOP_MS = 10_000;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));

/** Starts it and waits until its ports accept connections; fails with the tail of its log. */
export async function startSystem(settings: Command): Promise<System> {
  const { name, log, grpcPort, httpPort = 0 } = settings;
  const out = openSync(log, 'a');
  const child = spawn(settings.command, [...settings.args], {
    stdio: ['ignore', out, out],
    env: { ...environment(), NODE_OPTIONS: '', ...settings.env },
  });
  closeSync(out);
  running.add(child);
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => {
      running.delete(child);
      resolve();
    }),
  );
  try {
    for (const port of [grpcPort, httpPort]) {
      if (port !== 0) await waitForPort(port, START_MS, () => running.has(child));
    }
  } catch (cause) {
    child.kill('SIGKILL');
    throw new Error(`${name} did not start:\n${readFileSync(log, 'utf8').split('\n').slice(-25).join('\n')}`, {
      cause,
    });
  }
  return {
    name,
    pid: child.pid as number,
    grpcPort,
    httpPort,
    async stop() {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(hard);
    },
  };
}

/** A server of bench/echo; it speaks gRPC (the OTLP sink HTTP) on the one port. */
export async function startEcho(root: string, work: string, file: string): Promise<System> {
  const port = await freePort();
  return startSystem({
    name: file,
    command: process.execPath,
    args: [join(root, 'dist/bench/echo', file), String(port)],
    log: join(work, `${file}.log`),
    grpcPort: port,
    httpPort: port,
  });
}
