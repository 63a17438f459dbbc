// Bidirectional ModelStreamInfer: 128 messages unanswered over 4 streams, Millrace against a grpc-js echo of the same
// messages, and against the unary rate of the same client's window by ghz.

import { runStreamLoad } from '../load/stream-load.js';
import { networkRequest } from './requests.js';
import { inTurns, median, percent, type Row, rate, ratioOf, times } from './row.js';
import type { System } from './systems.process.js';
import { unaryRate } from './unary.js';

/** ModelStreamInferResponse{error_message=1, infer_response=2}: an answer is one field 2, its tag 0x12. */
const INFER_RESPONSE_TAG = 0x12;

function failed(message: Buffer): string | undefined {
  return message[0] === INFER_RESPONSE_TAG ? undefined : message.toString('utf8', 0, 200);
}

export const stream: Row = {
  name: 'stream',
  peers: false,
  async measure(bench) {
    const echo = await bench.echo('stream-echo.js');
    const streamed = async (system: System, warmUp: boolean) => {
      const result = await runStreamLoad({
        port: system.grpcPort,
        request: networkRequest(),
        streams: 4,
        inFlight: 128,
        seconds: warmUp ? 1 : bench.seconds,
        warmUpSeconds: warmUp ? 0 : 0.5,
        failed,
      });
      if (result.failures > 0) throw new Error(`${system.name}: ${result.failures} failed: ${result.firstFailure}`);
      return result.perSecond;
    };
    const rounds = await inTurns(bench.rounds, {
      'stream-echo': (warmUp) => streamed(echo, warmUp),
      millrace: (warmUp) => streamed(bench.millrace, warmUp),
      unary: (warmUp) => unaryRate(bench, bench.millrace, warmUp ? 1 : bench.seconds),
    });
    for (const name of Object.keys(rounds)) bench.say(`    ${name.padEnd(12)} ${rate(median(rounds[name] ?? []))}`);
    const measured = rate(median(rounds.millrace ?? []));
    const toEcho = ratioOf(rounds, 'millrace', 'stream-echo');
    const toUnary = ratioOf(rounds, 'millrace', 'unary');
    return [
      {
        figure: 'bidirectional stream, against a grpc-js echo',
        target: `≥ ${percent(0.6)}`,
        measured,
        ratio: toEcho,
        met: toEcho >= 0.6,
        rounds,
      },
      {
        figure: 'bidirectional stream, against unary',
        target: `> ${times(1)}`,
        measured,
        ratio: toUnary,
        met: toUnary > 1,
        rounds,
      },
    ];
  },
};
