// Unary ModelInfer with 128 in flight over 4 connections, by ghz: Millrace with everything on, beside MLServer, pytriton and
// the two echoes. One call in ten carries a sampled traceparent: two ghz run side by side, one with the header.

import { runGhz } from '../ghz.process.js';
import { networkRequest } from './requests.js';
import { type Bench, inTurns, median, type Outcome, percent, type Row, rate, ratioOf, times } from './row.js';
import type { System } from './systems.process.js';

const IN_FLIGHT = 128;
const CONNECTIONS = 4;
/** In flight with the header, on a connection of their own: a tenth. */
const TRACED = 13;
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const WARM_UP_SECONDS = 2;
/** Below this share of pytriton's rate the echo itself was disturbed. */
const VOID_BELOW = 3;

export async function unaryRate(bench: Bench, { name, grpcPort }: System, seconds: number): Promise<number> {
  const address = `127.0.0.1:${grpcPort}`;
  const request = networkRequest();
  const both = await Promise.all([
    runGhz(bench.ghz, bench.root, {
      address,
      request,
      seconds,
      connections: CONNECTIONS - 1,
      inFlight: IN_FLIGHT - TRACED,
    }),
    runGhz(bench.ghz, bench.root, {
      address,
      request,
      seconds,
      connections: 1,
      inFlight: TRACED,
      metadata: { traceparent: TRACEPARENT },
    }),
  ]);
  const failures = both.reduce((sum, result) => sum + result.failures, 0);
  if (failures > 0) throw new Error(`${name}: ${failures} calls failed`);
  return both.reduce((sum, result) => sum + result.perSecond, 0);
}

export const unary: Row = {
  name: 'unary',
  peers: true,
  async measure(bench) {
    const systems = [
      await bench.echo('echo'),
      await bench.echo('http2-echo'),
      bench.millrace,
      ...(bench.mlserver ? [bench.mlserver] : []),
      ...(bench.pytriton ? [bench.pytriton] : []),
    ];
    const rounds = await inTurns(
      bench.rounds,
      Object.fromEntries(
        systems.map((system) => [
          system.name,
          (warmUp: boolean) => unaryRate(bench, system, warmUp ? WARM_UP_SECONDS : bench.seconds),
        ]),
      ),
    );
    for (const { name } of systems) bench.say(`    ${name.padEnd(12)} ${rate(median(rounds[name] ?? []))}`);
    const measured = rate(median(rounds.millrace ?? []));
    const against = (to: string, atLeast: number, form: (ratio: number) => string): Outcome[] => {
      if (rounds[to] === undefined) return [];
      const ratio = ratioOf(rounds, 'millrace', to);
      return [
        {
          figure: `unary, 128 in flight, against ${to}`,
          target: `≥ ${form(atLeast)}`,
          measured,
          ratio,
          met: ratio >= atLeast,
          rounds,
        },
      ];
    };
    const isVoid = rounds.pytriton !== undefined && ratioOf(rounds, 'echo', 'pytriton') < VOID_BELOW;
    if (isVoid) bench.say(`    void: the echo is below ${VOID_BELOW} × pytriton; the machine was disturbed`);
    return [
      ...against('mlserver', 10, times),
      ...against('pytriton', 4.5, times),
      ...against('echo', 0.9, percent),
      ...against('http2-echo', 0.75, percent),
    ].map((outcome) => (isVoid ? { ...outcome, met: undefined } : outcome));
  },
};

export const oneInFlight: Row = {
  name: 'one-in-flight',
  peers: true,
  async measure(bench) {
    const p50 = async ({ name, grpcPort }: System, warmUp: boolean) => {
      const result = await runGhz(bench.ghz, bench.root, {
        address: `127.0.0.1:${grpcPort}`,
        request: networkRequest(),
        seconds: warmUp ? 1 : Math.min(bench.seconds, 2),
        connections: 1,
        inFlight: 1,
      });
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} calls failed`);
      return result.p50Ms;
    };
    const { mlserver, millrace } = bench;
    const rounds = await inTurns(bench.rounds, {
      millrace: (warmUp) => p50(millrace, warmUp),
      ...(mlserver ? { mlserver: (warmUp: boolean) => p50(mlserver, warmUp) } : {}),
    });
    const ratio = mlserver ? ratioOf(rounds, 'millrace', 'mlserver') : undefined;
    return [
      {
        figure: 'one request in flight, p50 against mlserver',
        target: '≤ 0.25 ×',
        measured: `${median(rounds.millrace ?? []).toFixed(2)} ms`,
        ratio,
        met: ratio === undefined ? undefined : ratio <= 0.25,
        rounds,
      },
    ];
  },
};
