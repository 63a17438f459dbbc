// Rows that compare Millrace with itself or with a byte echo by one ghz run each: 1 MiB tensors, batching on and off,
// one and two engine processes.

import { runGhz } from '../ghz.process.js';
import { FIXED_COST_MS } from './repository.fs.js';
import { grpcRequest, ROW } from './requests.js';
import { type Bench, inTurns, median, percent, type Row, rate, ratioOf, times } from './row.js';
import type { System } from './systems.process.js';

const MIB = 1 << 20;

async function perSecond(
  bench: Bench,
  { name, grpcPort }: System,
  request: Uint8Array,
  inFlight: number,
  warmUp: boolean,
): Promise<number> {
  const result = await runGhz(bench.ghz, bench.root, {
    address: `127.0.0.1:${grpcPort}`,
    request,
    seconds: warmUp ? 1 : bench.seconds,
    connections: 4,
    inFlight,
  });
  if (result.failures > 0) throw new Error(`${name}: ${result.failures} calls failed: ${result.firstFailure}`);
  return result.perSecond;
}

export const large: Row = {
  name: 'large',
  peers: false,
  async measure(bench) {
    const echo = await bench.echo('byte-echo.js');
    const request = grpcRequest('identity', 'INPUT0', new Float32Array(MIB / 4).fill(0.5));
    const inFlight = 8;
    const rounds = await inTurns(bench.rounds, {
      'byte-echo': (warmUp) => perSecond(bench, echo, request, inFlight, warmUp),
      millrace: (warmUp) => perSecond(bench, bench.millrace, request, inFlight, warmUp),
    });
    const ratio = ratioOf(rounds, 'millrace', 'byte-echo');
    return [
      {
        figure: '1 MiB tensors there and back, against a grpc-js byte echo',
        target: `≥ ${percent(0.6)}`,
        measured: `${median(rounds.millrace ?? []).toFixed(0)} MiB/s each way`,
        ratio,
        met: ratio >= 0.6,
        rounds,
      },
    ];
  },
};

/** Two models of one module, `better` against `worse`. */
function pair(
  name: string,
  figure: string,
  better: string,
  worse: string,
  settings: { inFlight: number; atLeast: number },
): Row {
  return {
    name,
    peers: false,
    async measure(bench) {
      const one = (model: string) => (warmUp: boolean) =>
        perSecond(bench, bench.millrace, grpcRequest(model, 'INPUT0', ROW), settings.inFlight, warmUp);
      const rounds = await inTurns(bench.rounds, { [better]: one(better), [worse]: one(worse) });
      const ratio = ratioOf(rounds, better, worse);
      return [
        {
          figure,
          target: `≥ ${times(settings.atLeast)}`,
          measured: `${rate(median(rounds[better] ?? []))}, ${rate(median(rounds[worse] ?? []))}`,
          ratio,
          met: ratio >= settings.atLeast,
          rounds,
        },
      ];
    },
  };
}

export const batching = pair(
  'batching',
  `a model of ${FIXED_COST_MS} ms a call, 16 in flight, batching on / off`,
  'batching_on',
  'batching_off',
  { inFlight: 16, atLeast: 3.5 },
);

export const engines = pair(
  'engines',
  `two engine processes / one, ${FIXED_COST_MS} ms a call, batching off`,
  'two_engines',
  'one_engine',
  { inFlight: 32, atLeast: 1.9 },
);
