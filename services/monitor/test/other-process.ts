// Another service of the platform as a process of its own, beside the monitor under test.

import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '@millrace/config';
import { cloneRoot, eventually } from '@millrace/testing';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when it is live; that it is ready may take another service. */
export async function startOther(
  service: 'router' | 'trainer' | 'ingest',
  world: { home: string; brokers: readonly string[]; topicPrefix: string; env: Record<string, string> },
): Promise<{ stop(): Promise<unknown>; log(): string }> {
  const logFile = join(world.home, `${service}.log`);
  const out = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(cloneRoot(), `dist/services/${service}/src/main.js`)], {
    stdio: ['ignore', out, out],
    env: {
      ...environment(),
      NODE_OPTIONS: '',
      MILLRACE_HOME: world.home,
      MILLRACE_KAFKA_BROKERS: world.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: world.topicPrefix,
      ...world.env,
    },
  });
  running.add(child);
  const ended = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  const log = () => readFileSync(logFile, 'utf8');
  const port =
    world.env[service === 'router' ? 'MILLRACE_ROUTER_CONTROL_PORT' : `MILLRACE_${service.toUpperCase()}_HTTP_PORT`];
  await eventually(
    `${service} lives`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${service} ended: ${log().slice(-3_000)}`);
      return fetch(`http://127.0.0.1:${port}/health/live`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    60_000,
  );
  return {
    log,
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}
