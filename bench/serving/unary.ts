// Unary ModelInfer with 128 in flight over 4 connections, by ghz: Millrace beside MLServer, pytriton and the two
// echoes. One call in ten carries a sampled traceparent: two ghz run side by side, one with the header.
//
// Millrace stands twice: "model" is the network of the repository, asked with the very bytes that the peers get;
// "package" is the same network as a package of the platform, asked with eight columns, and its every prediction goes
// to Kafka. Its ceilings are asked with the package's bytes ("… columns"). The package has everything on and is the
// stricter figure.

import { fromBinary } from '@bufbuild/protobuf';
import { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import { createClient } from '@millrace/grpc';
import { runGhz } from '../ghz.process.js';
import { forward } from './network.js';
import { packageRequest } from './package.fs.js';
import { networkRequest, ROW } from './requests.js';
import { type Bench, inTurns, median, type Outcome, percent, type Row, rate, ratioOf, times } from './row.js';
import type { System } from './systems.process.js';

const READY_TRIES = 300;
/** Between float32 implementations of one network. */
const ANSWER_TOLERANCE = 1e-5;

/** Throws where a system does not compute the bench's network: its rate would say nothing. */
export async function checkAnswer(name: string, grpcPort: number, request: Buffer): Promise<void> {
  const api = createClient(GRPCInferenceService, `127.0.0.1:${grpcPort}`);
  const asked = fromBinary(inferencePb.ModelInferRequestSchema, request);
  // A peer's port is open before its model is loaded.
  for (let i = 0; i < READY_TRIES; i++) {
    const ready = await api.modelReady({ name: asked.modelName }).catch(() => undefined);
    if (ready?.ready) break;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  const answer = await api.modelInfer(asked);
  api.close();
  const [raw] = answer.rawOutputContents;
  const value = raw
    ? Buffer.from(raw.buffer, raw.byteOffset, raw.length).readFloatLE()
    : answer.outputs[0]?.contents?.fp32Contents[0];
  const expected = forward(ROW);
  if (value === undefined || !(Math.abs(value - expected) <= ANSWER_TOLERANCE))
    throw new Error(`${name} answers ${value}, the network computes ${expected}`);
}

const IN_FLIGHT = 128;
const CONNECTIONS = 4;
/** In flight with the header, on a connection of their own: a tenth. */
const TRACED = 13;
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const WARM_UP_SECONDS = 2;
/** Below this share of pytriton's rate the echo itself was disturbed. */
const VOID_BELOW = 3;

export async function unaryRate(
  bench: Bench,
  { name, grpcPort }: Pick<System, 'name' | 'grpcPort'>,
  seconds: number,
  request = networkRequest(),
): Promise<number> {
  const address = `127.0.0.1:${grpcPort}`;
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
  const failed = both.find((result) => result.failures > 0);
  if (failed) throw new Error(`${name}: ${failed.failures} calls failed: ${failed.firstFailure}`);
  return both.reduce((sum, result) => sum + result.perSecond, 0);
}

export const unary: Row = {
  name: 'unary',
  peers: true,
  async measure(bench) {
    const [grpcJs, http2] = [await bench.echo('echo.js'), await bench.echo('http2-echo.js')];
    const columns = packageRequest();
    const subjects: readonly (readonly [string, System | undefined, Buffer])[] = [
      ['echo', grpcJs, networkRequest()],
      ['http2', http2, networkRequest()],
      ['model', bench.millrace, networkRequest()],
      ['echo columns', grpcJs, columns],
      ['http2 columns', http2, columns],
      ['package', bench.millrace, columns],
      ['mlserver', bench.mlserver, networkRequest()],
      ['pytriton', bench.pytriton, networkRequest()],
    ];
    for (const [name, system, request] of subjects)
      if (system && system !== grpcJs && system !== http2) await checkAnswer(name, system.grpcPort, request);
    const measures: Record<string, (warmUp: boolean) => Promise<number>> = {};
    for (const [name, system, request] of subjects)
      if (system)
        measures[name] = (warmUp) =>
          unaryRate(bench, { name, grpcPort: system.grpcPort }, warmUp ? WARM_UP_SECONDS : bench.seconds, request);
    const rounds = await inTurns(bench.rounds, measures);
    for (const [name, values] of Object.entries(rounds)) bench.say(`    ${name.padEnd(14)} ${rate(median(values))}`);
    const isVoid = rounds.pytriton !== undefined && ratioOf(rounds, 'echo', 'pytriton') < VOID_BELOW;
    if (isVoid) bench.say(`    void: the echo is below ${VOID_BELOW} × pytriton; the machine was disturbed`);
    const against = (of: string, to: string, atLeast: number, form: (ratio: number) => string): Outcome[] => {
      if (rounds[to] === undefined) return [];
      const ratio = ratioOf(rounds, of, to);
      return [
        {
          figure: `unary, 128 in flight: ${of} against ${to}`,
          target: `≥ ${form(atLeast)}`,
          measured: rate(median(rounds[of] ?? [])),
          ratio,
          met: isVoid ? undefined : ratio >= atLeast,
          rounds,
        },
      ];
    };
    return [
      ...against('package', 'mlserver', 10, times),
      ...against('package', 'pytriton', 4.5, times),
      ...against('package', 'echo columns', 0.9, percent),
      ...against('package', 'http2 columns', 0.75, percent),
      ...against('model', 'mlserver', 10, times),
      ...against('model', 'pytriton', 4.5, times),
      ...against('model', 'echo', 0.9, percent),
      ...against('model', 'http2', 0.75, percent),
    ];
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
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} calls failed: ${result.firstFailure}`);
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
