// A router is told to end (SIGTERM) under requests of real clients that keep their connections: grpc-js, undici (Node's
// fetch), tritonclient over gRPC and HTTP. It says that it is not ready, answers what comes meanwhile, and ends with 0;
// its clients go to the other router, and no request fails.

import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setupState, startKafka } from '@millrace/testing';
import { failures, type Load, startLoad, startRestLoad } from './load.js';
import { Platform } from './platform.js';
import type { RouterProcess } from './router-process.js';

const RATE = 100;
/** Its drain is 5 s; before it come the moment of notice, and the end of what was idle. */
const ENDED_WITHIN_MS = 8_000;
const TRITON_CLIENT = new URL('./end_client.py', import.meta.url).pathname;

let platform: Platform;
let routers: [RouterProcess, RouterProcess];

beforeAll(async () => {
  platform = await Platform.start((await startKafka()).brokers);
  routers = [platform.router, await platform.newRouter({ MILLRACE_REPLICA: 'b' })];
  await platform.rollOut(1);
  await routers[1].until(async () => (await routers[1].get('/v1/projects/p/route')).status === 200);
}, 90_000);

afterAll(async () => {
  await routers?.[1].stop();
  await platform?.stop();
}, 30_000);

/** Asks until its input ends, and then says how often, and what failed. */
function tritonClient(ending: RouterProcess, other: RouterProcess) {
  const { python } = setupState();
  if (!python) throw new Error('there is no Python environment with tritonclient; `npm test` makes it');
  const places = [ending.grpcPort, ending.httpPort, other.grpcPort, other.httpPort].map(String);
  const child = spawn(python.binary, [TRITON_CLIENT, ...places], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (text) => {
    said += text;
  });
  return {
    asks: () => said.includes('asks'),
    async stop(): Promise<{ answered: Record<string, number>; failed: string[] }> {
      child.stdin.end();
      await new Promise((closed) => child.once('close', closed));
      return JSON.parse(said.split('\n').find((line) => line.startsWith('{')) ?? '{}');
    },
  };
}

describe('a router that is told to end', () => {
  it.each([
    ['answers at once', 0],
    ['holds each answer for 150 ms', 150],
  ])(
    'loses no request of a client that keeps its connections, before a serving that %s',
    async (_, delayMs) => {
      platform.serving.delayMs = delayMs;
      const [ending, other] = routers;
      const loads: Load[] = [
        startLoad(ending.inference(other.grpcPort), RATE),
        startRestLoad([ending.httpPort, other.httpPort], RATE),
      ];
      const python = tritonClient(ending, other);
      await ending.until(() => python.asks() && loads.every(({ outcomes }) => outcomes.length > RATE));
      const toldMs = performance.now();
      ending.signal('SIGTERM');
      expect(await ending.exit).toBe(0);
      expect(performance.now() - toldMs).toBeLessThan(ENDED_WITHIN_MS);
      const answeredBy = ({ outcomes }: Load) => outcomes.filter(({ sentAtMs }) => sentAtMs > toldMs + 1_000).length;
      await other.until(() => loads.every((load) => answeredBy(load) > RATE / 2));
      for (const load of loads) expect(failures(await load.stop())).toEqual({});
      const { answered, failed } = await python.stop();
      expect(failed).toEqual([]);
      expect(answered.grpc).toBeGreaterThan(9);
      expect(answered.http).toBeGreaterThan(9);
      await ending.start();
    },
    60_000,
  );
});
