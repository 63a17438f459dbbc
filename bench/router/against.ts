// This checkout's router beside another's (`--against DIR`, built there), before the same serving, each in turn within
// each round: throughput, latencies and the router's own CPU at 128 in flight, at one, and at 1,000 Poisson arrivals a
// second. For changes of the data path: on a machine that others use only ratios of such pairs mean anything.

import { runGhz } from '../ghz.process.js';
import { packageRequest } from '../serving/package.fs.js';
import { inTurns, median, ms, type Outcome, rate, ratioOf } from '../serving/row.js';
import { arrivals, WARM_UP_SECONDS } from './arrivals.process.js';
import { cpuMs } from './proc.fs.js';
import type { Router } from './routed.process.js';
import type { RouterBench, RouterRow } from './row.js';

interface Asked {
  requests: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

type Load = (port: number, seconds: number) => Promise<Asked>;

function loads({ ghz, root }: RouterBench): Record<string, Load> {
  const closed =
    (connections: number, inFlight: number): Load =>
    async (port, seconds) => {
      const settings = { address: `127.0.0.1:${port}`, request: packageRequest(), seconds };
      const result = await runGhz(ghz, root, { ...settings, connections, inFlight });
      if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
      return { ...result, requests: result.perSecond * seconds };
    };
  const open: Load = async (port, seconds) => {
    const { requests, latency } = await arrivals(root, { port, request: packageRequest(), seconds, seed: 1 });
    // CPU is that of all calls.
    const all = (requests * (seconds + WARM_UP_SECONDS)) / seconds;
    return { requests: all, perSecond: requests / seconds, p50Ms: latency.p50Ms, p99Ms: latency.p99Ms };
  };
  return { '128 in flight': closed(4, 128), 'one in flight': closed(1, 1), '1,000/s Poisson': open };
}

export const against: RouterRow = {
  name: 'against',
  async measure(bench): Promise<Outcome[]> {
    const { other, routers, rounds: count, seconds } = bench;
    if (other === undefined) return [];
    const outcomes: Outcome[] = [];
    for (const [load, ask] of Object.entries(loads(bench))) {
      const seen: Record<string, Record<string, number[]>> = {};
      const measured =
        (name: string, { grpcPort, pid }: Router) =>
        async (warmUp: boolean) => {
          const before = cpuMs(pid);
          const asked = await ask(grpcPort, warmUp ? 1 : seconds);
          const cpu = (1_000 * (cpuMs(pid) - before)) / asked.requests;
          if (warmUp) return cpu;
          for (const [figure, value] of Object.entries({
            cpu,
            p50: asked.p50Ms,
            p99: asked.p99Ms,
            rate: asked.perSecond,
          })) {
            const byName = seen[figure] ?? {};
            seen[figure] = byName;
            const values = byName[name] ?? [];
            byName[name] = values;
            values.push(value);
          }
          return cpu;
        };
      // The second one: the first has the control of the routes to do beside, which the other does not.
      await inTurns(count, { here: measured('here', routers[1].system), there: measured('there', other) });
      for (const [figure, shown] of [
        ['cpu', ms],
        ['p50', ms],
        ['p99', ms],
        ['rate', rate],
      ] as const) {
        const rounds = seen[figure] ?? {};
        const [here, there] = [median(rounds.here ?? []), median(rounds.there ?? [])];
        outcomes.push({
          figure: `${load}: ${figure === 'cpu' ? 'CPU of the router for 1,000 requests' : figure}`,
          target: '',
          measured: `${shown(here)}, ${shown(there)} there`,
          ...{ ratio: ratioOf(rounds, 'here', 'there'), met: undefined, rounds },
        });
      }
    }
    return outcomes;
  },
};
