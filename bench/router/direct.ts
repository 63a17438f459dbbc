// What the router costs beside serving asked directly, and both beside the peers: unary at 128 in flight and at one, by
// ghz, each system in turn within each round; the router's own CPU meanwhile, and 1,000 Poisson arrivals a second.

import { runGhz } from '../ghz.process.js';
import { packageRequest } from '../serving/package.fs.js';
import { networkRequest } from '../serving/requests.js';
import { inTurns, median, ms, type Outcome, rate, ratioOf, times } from '../serving/row.js';
import { checkAnswer } from '../serving/unary.js';
import { arrivals } from './arrivals.process.js';
import { cpuMs } from './proc.fs.js';
import type { RouterRow } from './row.js';

const IN_FLIGHT = 128;
const CONNECTIONS = 4;

export const manyInFlight: RouterRow = {
  name: 'many',
  async measure({ ghz, root, rounds: count, seconds, routers, routed, mlserver, pytriton, say }) {
    const router = routers[0].system;
    const p99s: Record<string, number[]> = {};
    const cpu: number[] = [];
    const asked = (name: string, grpcPort: number, request: Buffer, pid?: number) => async (warmUp: boolean) => {
      const before = pid === undefined ? 0 : cpuMs(pid);
      const settings = { address: `127.0.0.1:${grpcPort}`, request, seconds: warmUp ? 2 : seconds };
      const load = { connections: CONNECTIONS, inFlight: IN_FLIGHT };
      const result = await runGhz(ghz, root, { ...settings, ...load });
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} calls failed: ${result.firstFailure}`);
      const kept = p99s[name] ?? [];
      p99s[name] = kept;
      if (!warmUp) kept.push(result.p99Ms);
      if (!warmUp && pid !== undefined) cpu.push((1_000 * (cpuMs(pid) - before)) / (result.perSecond * seconds));
      return result.perSecond;
    };
    for (const [name, system] of [
      ['mlserver', mlserver],
      ['pytriton', pytriton],
    ] as const)
      if (system) await checkAnswer(name, system.grpcPort, networkRequest());
    const rounds = await inTurns(count, {
      direct: asked('direct', routed.serving.system.grpcPort, packageRequest()),
      routed: asked('routed', router.grpcPort, packageRequest(), router.pid),
      'routed model': asked('routed model', router.grpcPort, networkRequest()),
      ...(mlserver ? { mlserver: asked('mlserver', mlserver.grpcPort, networkRequest()) } : {}),
      ...(pytriton ? { pytriton: asked('pytriton', pytriton.grpcPort, networkRequest()) } : {}),
    });
    for (const [name, values] of Object.entries(rounds))
      say(`    ${name.padEnd(14)} ${rate(median(values))}, p99 ${ms(median(p99s[name] ?? []))}`);
    const against = (to: string, atLeast: number): Outcome[] =>
      rounds[to] === undefined
        ? []
        : ['routed', 'routed model'].map((of) => {
            const ratio = ratioOf(rounds, of, to);
            return {
              figure: `router + serving at 128 in flight: ${of} against ${to} direct`,
              target: `≥ ${times(atLeast)}`,
              measured: `${rate(median(rounds[of] ?? []))}, ${rate(median(rounds[to] ?? []))} direct`,
              ...{ ratio, met: ratio >= atLeast, rounds },
            };
          });
    const [direct, through] = [median(p99s.direct ?? []), median(p99s.routed ?? [])];
    return [
      ...against('mlserver', 15),
      ...against('pytriton', 6),
      {
        figure: 'p99 at 128 in flight against serving direct',
        target: '≤ 1.30 ×',
        measured: `${ms(through)}, ${ms(direct)} direct`,
        ...{ ratio: through / direct, met: through <= 1.3 * direct, rounds: p99s },
      },
      {
        figure: 'CPU of the router for 1,000 requests',
        target: '≤ 12 ms',
        measured: ms(median(cpu)),
        ...{ met: median(cpu) <= 12, rounds: { cpu } },
      },
    ];
  },
};

export const oneInFlight: RouterRow = {
  name: 'one',
  async measure({ ghz, root, rounds: count, seconds, routers, routed }) {
    const p50 = (grpcPort: number) => async (warmUp: boolean) => {
      const settings = { address: `127.0.0.1:${grpcPort}`, request: packageRequest(), seconds: warmUp ? 1 : seconds };
      const result = await runGhz(ghz, root, { ...settings, connections: 1, inFlight: 1 });
      if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
      return result.p50Ms;
    };
    const rounds = await inTurns(count, {
      direct: p50(routed.serving.system.grpcPort),
      routed: p50(routers[0].system.grpcPort),
    });
    const added = median(rounds.routed ?? []) - median(rounds.direct ?? []);
    return [
      {
        figure: 'one in flight: added to p50 by the router',
        target: '≤ 0.20 ms',
        measured: `${ms(added)} (${ms(median(rounds.direct ?? []))} direct)`,
        ...{ met: added <= 0.2, rounds },
      },
    ];
  },
};

export const poisson: RouterRow = {
  name: 'poisson',
  async measure({ root, rounds: count, seconds, routers, routed }) {
    let seed = 0;
    const late: number[] = [];
    const p99 = (port: number) => async (warmUp: boolean) => {
      const settings = { port, request: packageRequest(), seconds: warmUp ? 1 : seconds, seed: ++seed };
      const { latency, lateP99Ms } = await arrivals(root, settings);
      if (!warmUp) late.push(lateP99Ms);
      return latency.p99Ms;
    };
    const rounds = await inTurns(count, {
      direct: p99(routed.serving.system.grpcPort),
      routed: p99(routers[0].system.grpcPort),
    });
    const through = median(rounds.routed ?? []);
    return [
      {
        figure: '1,000 requests/s, Poisson: p99, no failure',
        target: '≤ 8.00 ms',
        measured: `${ms(through)}, ${ms(median(rounds.direct ?? []))} direct; ${ms(median(late))} late of itself`,
        ...{ met: through <= 8, rounds: { ...rounds, late } },
      },
    ];
  },
};
