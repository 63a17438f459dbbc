// The real Redis for tests, like the broker: shared by default, dedicated where a test kills it. Nothing is written to
// disk.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@millrace/config';
import { redisArgs } from '@millrace/deployment';
import { type GuardedProcess, startGuarded } from './guarded-process.js';
import { freePort, waitForPort } from './ports.js';
import { setupState } from './setup-state.js';
import { once } from './shared.js';

export interface TestRedis {
  readonly url: string;
  stop(): Promise<void>;
}

export interface DedicatedRedis extends TestRedis {
  /** kill -9; its data is gone. */
  crash(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
}

const START_MS = 10_000;

async function startServer(): Promise<DedicatedRedis> {
  const home = await mkdtemp(join(tmpdir(), 'millrace-test-redis-'));
  const port = await freePort();
  const args = [...redisArgs(port), '--dir', home];
  let server: GuardedProcess;
  const boot = async () => {
    server = await startGuarded({ command: setupState().redis.binary, args, log: join(home, 'redis.log'), home });
    await waitForPort(port, START_MS, () => server.isRunning());
  };
  await boot();
  return {
    url: `redis://127.0.0.1:${port}`,
    crash: async () => {
      server.kill('SIGKILL');
      await server.ended();
      await server.stop({ keepHome: true });
    },
    restart: boot,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function startShared(): Promise<TestRedis> {
  const own = environment().MILLRACE_TEST_REDIS_URL;
  const url = own === undefined || own === '' ? (await startServer()).url : own;
  return { url, stop: async () => undefined };
}

export async function startRedis(settings: { dedicated: true }): Promise<DedicatedRedis>;
export async function startRedis(settings?: { dedicated?: false }): Promise<TestRedis>;
export async function startRedis(settings: { dedicated?: boolean } = {}): Promise<TestRedis> {
  return settings.dedicated ? startServer() : once('redis', startShared);
}
