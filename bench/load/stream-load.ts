// A load generator for bidirectional gRPC streams on bare node:http2: a window of messages is always unanswered on each
// stream; as answers arrive in one chunk, as many requests leave in one write. Cheaper than any server under test, so
// the server is what is measured.

import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { type Clock, systemClock } from '@millrace/domain';
import { LatencyHistogram } from '@millrace/statistics';
import type { LoadResult } from './grpc-load.js';

export interface StreamLoadSettings {
  port: number;
  /** One message in protobuf bytes. */
  request: Uint8Array;
  /** One connection with one stream each. */
  streams: number;
  /** Messages unanswered over all streams. */
  inFlight: number;
  seconds: number;
  warmUpSeconds: number;
  /** Whether an answer says that its request failed. */
  failed: (answer: Buffer) => string | undefined;
  clock?: Clock;
}

const FRAME_HEAD = 5;
const WINDOW_BYTES = 8 << 20;
/** Answered messages whose send times are forgotten together. */
const FORGET_AT = 8192;
/** After the measured time, until a stream without answers counts as stalled. */
const STALL_MS = 2000;

/** Splits a stream's bytes into messages. */
class Frames {
  private rest: Buffer | undefined;

  constructor(private readonly each: (message: Buffer) => void) {}

  /** Messages ended by this chunk. */
  take(chunk: Buffer): number {
    let bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    let count = 0;
    while (bytes.length >= FRAME_HEAD) {
      const end = FRAME_HEAD + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      this.each(bytes.subarray(FRAME_HEAD, end));
      bytes = bytes.subarray(end);
      count++;
    }
    this.rest = bytes.length > 0 ? bytes : undefined;
    return count;
  }
}

export async function runStreamLoad(settings: StreamLoadSettings): Promise<LoadResult> {
  const clock = settings.clock ?? systemClock;
  const { request, streams, seconds } = settings;
  const frame = Buffer.alloc(FRAME_HEAD + request.length);
  frame.writeUInt32BE(request.length, 1);
  frame.set(request, FRAME_HEAD);
  const window = Math.max(1, Math.round(settings.inFlight / streams));
  const burst = Buffer.concat(Array.from({ length: window }, () => frame));
  const fromMs = clock.monotonicMs() + settings.warmUpSeconds * 1000;
  const toMs = fromMs + seconds * 1000;
  const histogram = new LatencyHistogram();
  let requests = 0;
  let failures = 0;
  let firstFailure = '';
  const fail = (why: string) => {
    failures++;
    firstFailure ||= why;
  };

  const one = (session: ClientHttp2Session) =>
    new Promise<void>((resolve) => {
      const stream: ClientHttp2Stream = session.request({
        ':method': 'POST',
        ':path': '/inference.GRPCInferenceService/ModelStreamInfer',
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      // Answers come in the order of the requests, as every server here gives them: the oldest is answered first.
      const sentMs: number[] = [];
      let first = 0;
      let measuring = false;
      const frames = new Frames((message) => {
        const sent = sentMs[first++] as number;
        if (!measuring) return;
        requests++;
        const why = settings.failed(message);
        if (why === undefined) histogram.record((clock.monotonicMs() - sent) * 1000);
        else fail(why);
      });
      const send = (count: number) => {
        const nowMs = clock.monotonicMs();
        for (let i = 0; i < count; i++) sentMs.push(nowMs);
        stream.write(burst.subarray(0, count * frame.length));
      };
      stream.on('data', (chunk: Buffer) => {
        const nowMs = clock.monotonicMs();
        measuring = nowMs >= fromMs && nowMs < toMs;
        const answered = frames.take(chunk);
        if (nowMs >= toMs) stream.close(constants.NGHTTP2_CANCEL);
        else if (answered > 0) send(answered);
        if (first > FORGET_AT) {
          sentMs.splice(0, first);
          first = 0;
        }
      });
      stream.on('trailers', (headers) => {
        if (headers['grpc-status'] !== '0') fail(`stream ended with status ${headers['grpc-status']}`);
      });
      stream.on('error', (error) => fail(error.message));
      // A stream that stalled would never see another answer to end on.
      const watchdog = setTimeout(
        () => {
          fail(`no answer for ${first < sentMs.length ? sentMs.length - first : 0} messages`);
          stream.close(constants.NGHTTP2_CANCEL);
          resolve();
        },
        toMs - clock.monotonicMs() + STALL_MS,
      );
      stream.on('close', () => {
        clearTimeout(watchdog);
        resolve();
      });
      send(window);
    });

  const sessions = await Promise.all(
    Array.from(
      { length: streams },
      () =>
        new Promise<ClientHttp2Session>((resolve, reject) => {
          const session = connect(`http://127.0.0.1:${settings.port}`, {
            settings: { initialWindowSize: WINDOW_BYTES },
          });
          session.once('connect', () => {
            session.setLocalWindowSize(WINDOW_BYTES);
            resolve(session);
          });
          session.once('error', reject);
        }),
    ),
  );
  await Promise.all(sessions.map(one));
  for (const session of sessions) session.destroy();
  return {
    requests,
    failures,
    firstFailure,
    seconds,
    perSecond: (requests - failures) / seconds,
    latency: histogram.summary(),
  };
}
