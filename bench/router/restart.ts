// 100,000 requests over two routers and two servings, each of which is told to end (SIGTERM) and started again while
// they run, one at a time, the next when the one before is ready. A client knows both routers.

import { runLoad } from '../load/grpc-load.js';
import { packageRequest } from '../serving/package.fs.js';
import { ms } from '../serving/row.js';
import { waitUntil } from './routed.process.js';
import type { RouterRow } from './row.js';

const REQUESTS = 100_000;
/** The load comes from this process: a rate that leaves most of a core to the servers. */
const RATE = 500;

export const rollingRestart: RouterRow = {
  name: 'restart',
  async measure({ routed, say }) {
    const second = await routed.secondServing();
    const routers = [await routed.router('c', 2), await routed.router('d', 2)];
    const upAt = async (controlPort: number) => {
      const answer = await fetch(`http://127.0.0.1:${controlPort}/v1/stats`);
      return ((await answer.json()) as { relay: { servings: string[] } }).relay.servings.length;
    };
    const settled = async () => {
      for (const { system } of routers)
        await waitUntil(`${system.name} reaches both servings`, async () => (await upAt(system.controlPort)) === 2);
    };
    await settled();
    const seconds = REQUESTS / RATE;
    const load = runLoad({
      address: `ipv4:${routers.map(({ system }) => `127.0.0.1:${system.grpcPort}`).join(',')}`,
      request: packageRequest(),
      ...{ connections: 8, seconds, warmUpSeconds: 0, ratePerSecond: RATE, seed: 1 },
    });
    let restarts = 0;
    let over = false;
    void load.finally(() => {
      over = true;
    });
    while (!over) {
      for (const process of [...routers, routed.serving, second]) {
        if (over) break;
        await process.restart();
        await settled();
        restarts += 1;
        await new Promise((wake) => setTimeout(wake, 1_000));
      }
    }
    const { requests, failures, firstFailure, latency } = await load;
    say(`    ${restarts} restarts, ${requests} requests, p99 ${ms(latency.p99Ms)}; ${firstFailure}`);
    return [
      {
        figure: `requests lost of ${requests} in ${restarts} restarts of routers and servings at ${RATE}/s`,
        target: '0',
        measured: `${failures}${failures === 0 ? '' : `: ${firstFailure.slice(0, 80)}`}, p99 ${ms(latency.p99Ms)}`,
        ...{ met: failures === 0, rounds: { failures: [failures], restarts: [restarts] } },
      },
    ];
  },
};
