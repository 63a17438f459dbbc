// A closed-loop load generator for HTTP/1.1 on plain sockets: one request's bytes, or each time the next ones, written
// on each connection as soon as the answer is complete. Answers must state their Content-Length (every server of the
// bench does).

import { connect } from 'node:net';
import { type Clock, systemClock } from '@millrace/domain';
import { LatencyHistogram } from '@millrace/statistics';
import type { LoadResult } from './grpc-load.js';

export interface HttpLoadSettings {
  port: number;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** A function is asked for that of each request, warm-up included; a connection ends with an answer. */
  body: Uint8Array | (() => Uint8Array);
  /** Each has one request in flight. */
  connections: number;
  seconds: number;
  warmUpSeconds: number;
  clock?: Clock;
}

/** After the measured time, until a connection without an answer counts as stalled. */
const STALL_MS = 5000;
const HEAD_END = Buffer.from('\r\n\r\n');

/** Bytes of the complete answer at the front, or undefined while some are missing. */
function answerLength(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const length = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1];
  if (length === undefined) throw new Error('an answer without Content-Length');
  const end = headEnd + HEAD_END.length + Number(length);
  return bytes.length >= end ? end : undefined;
}

function requestOf({ path, port, headers }: HttpLoadSettings, body: Uint8Array): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    ...Object.entries({ ...headers, 'Content-Length': String(body.length) }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), HEAD_END, body]);
}

export async function runHttpLoad(settings: HttpLoadSettings): Promise<LoadResult> {
  const clock = settings.clock ?? systemClock;
  const { body } = settings;
  const always = body instanceof Uint8Array ? requestOf(settings, body) : undefined;
  const next = () => always ?? requestOf(settings, (body as () => Uint8Array)());
  const fromMs = clock.monotonicMs() + settings.warmUpSeconds * 1000;
  const toMs = fromMs + settings.seconds * 1000;
  const histogram = new LatencyHistogram();
  let requests = 0;
  let failures = 0;
  let firstFailure = '';

  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(settings.port, '127.0.0.1');
      socket.setNoDelay(true);
      let held: Buffer | undefined;
      let sentMs = 0;
      const send = () => {
        sentMs = clock.monotonicMs();
        socket.write(next());
      };
      socket.on('connect', send);
      socket.on('data', (chunk: Buffer) => {
        const bytes = held === undefined ? chunk : Buffer.concat([held, chunk]);
        const end = answerLength(bytes);
        if (end === undefined) {
          held = bytes;
          return;
        }
        held = undefined;
        const nowMs = clock.monotonicMs();
        if (nowMs >= fromMs && nowMs < toMs) {
          requests++;
          const status = bytes.toString('latin1', 9, 12);
          if (status === '200') histogram.record((nowMs - sentMs) * 1000);
          else {
            failures++;
            firstFailure ||= bytes.toString('utf8', 0, Math.min(end, 400));
          }
        }
        if (nowMs >= toMs) socket.destroy();
        else send();
      });
      const watchdog = setTimeout(() => socket.destroy(new Error('no answer')), toMs - clock.monotonicMs() + STALL_MS);
      socket.on('error', reject);
      socket.on('close', () => {
        clearTimeout(watchdog);
        resolve();
      });
    });

  await Promise.all(Array.from({ length: settings.connections }, one));
  return {
    requests,
    failures,
    firstFailure,
    seconds: settings.seconds,
    perSecond: (requests - failures) / settings.seconds,
    latency: histogram.summary(),
  };
}
