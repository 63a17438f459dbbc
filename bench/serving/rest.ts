// REST with 32 keep-alive connections, one request in flight on each: JSON and binary tensors against MLServer's JSON
// (it has no binary form).

import { runHttpLoad } from '../load/http-load.js';
import { binaryBody, jsonBody, type RestBody } from './requests.js';
import { inTurns, median, type Outcome, type Row, rate, ratioOf, times } from './row.js';
import type { System } from './systems.process.js';

const CONNECTIONS = 32;
const AT_LEAST = 4;

export const rest: Row = {
  name: 'rest',
  peers: true,
  async measure(bench) {
    const one = async ({ name, httpPort }: System, request: RestBody, warmUp: boolean) => {
      const result = await runHttpLoad({
        port: httpPort,
        path: '/v2/models/mlp/infer',
        ...request,
        connections: CONNECTIONS,
        seconds: warmUp ? 1 : bench.seconds,
        warmUpSeconds: warmUp ? 0 : 0.3,
      });
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} failed: ${result.firstFailure}`);
      return result.perSecond;
    };
    const { mlserver, millrace } = bench;
    const rounds = await inTurns(bench.rounds, {
      json: (warmUp) => one(millrace, jsonBody(), warmUp),
      binary: (warmUp) => one(millrace, binaryBody(), warmUp),
      ...(mlserver ? { mlserver: (warmUp: boolean) => one(mlserver, jsonBody(), warmUp) } : {}),
    });
    for (const name of Object.keys(rounds)) bench.say(`    ${name.padEnd(12)} ${rate(median(rounds[name] ?? []))}`);
    return (['json', 'binary'] as const).map((form): Outcome => {
      const ratio = mlserver ? ratioOf(rounds, form, 'mlserver') : undefined;
      return {
        figure: `REST ${form}, 32 in flight, against mlserver's JSON`,
        target: `≥ ${times(AT_LEAST)}`,
        measured: rate(median(rounds[form] ?? [])),
        ratio,
        met: ratio === undefined ? undefined : ratio >= AT_LEAST,
        rounds,
      };
    });
  },
};
