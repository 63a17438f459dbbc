// The platform under measurement: `millrace up` as a process, on free ports, in a home of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@millrace/config';
import { freePort } from '@millrace/testing';

const SETTINGS = [
  'KAFKA',
  'REDIS',
  'ROUTER_HTTP',
  'ROUTER_GRPC',
  'ROUTER_METRICS',
  'ROUTER_CONTROL',
  'ROUTER_CONTROL_GRPC',
  'INGEST_HTTP',
  'INGEST_GRPC',
  'TRAINER_HTTP',
  'TRAINER_GRPC',
  'SERVING_HTTP',
  'SERVING_GRPC',
  'MONITOR_HTTP',
  'MONITOR_GRPC',
] as const;

/** Characters of a log. */
const LOG_TAIL = 6_000;

export type PortName = (typeof SETTINGS)[number];

export interface BenchPlatform {
  home: string;
  /** For a command that shall find it. */
  env: Readonly<Record<string, string | undefined>>;
  port(name: PortName): number;
  /** What a process has said last. */
  log(name: string): string;
  stop(): Promise<void>;
}

export async function bringUp(root: string, workers: number): Promise<BenchPlatform> {
  const home = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const ports = new Map<PortName, number>();
  for (const name of SETTINGS) ports.set(name, await freePort());
  const env: Record<string, string | undefined> = { ...environment(), MILLRACE_HOME: home };
  for (const [name, port] of ports) env[`MILLRACE_${name}_PORT`] = String(port);
  const child: ChildProcess = spawn(
    process.execPath,
    [join(root, 'dist/apps/cli/src/main.js'), 'up', '--workers', String(workers)],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const ended = new Promise<number | null>((done) => child.once('close', done));
  let output = '';
  const ready = new Promise<void>((resolve) => {
    const see = (chunk: Buffer) => {
      output += chunk;
      if (output.includes('Ctrl-C')) resolve();
    };
    child.stdout?.on('data', see);
    child.stderr?.on('data', see);
  });
  await Promise.race([
    ready,
    ended.then((code) => Promise.reject(new Error(`the platform ended with code ${code}:\n${output}`))),
  ]);
  return {
    home,
    env,
    port: (name) => ports.get(name) as number,
    log: (name) => {
      const file = join(home, 'logs', `${name}.log`);
      return existsSync(file) ? readFileSync(file, 'utf8').slice(-LOG_TAIL) : '';
    },
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
