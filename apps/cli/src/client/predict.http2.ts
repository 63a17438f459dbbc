// A V2 client for the router's public gRPC endpoint: one ModelInfer per row over a few connections. gRPC's framing on
// node:http2 itself: a sender of a thousand rows a second shares two cores with what it measures, and grpc-js takes
// about twice the time for a call.

import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2';
import { type Scalar, systemClock } from '@millrace/domain';
import { decodeInferResponse, encodeInferRequest, Tensor } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';

/** One input of the model's signature. */
export interface SignatureInput {
  name: string;
  type: 'number' | 'integer' | 'text' | 'boolean' | 'timestamp';
}

export interface PredictRequest {
  model: string;
  id: string;
  entity: string;
  eventTimeMs: number;
  values: Readonly<Record<string, Scalar>>;
  /** W3C traceparent; the whole path is traced when its sampled flag is set. */
  traceparent?: string;
}

export interface PredictAnswer {
  version: number;
  probability: number;
  label: string;
}

export interface CallError {
  /** gRPC status; 14 where the connection broke, 4 after the deadline. */
  code: number;
  message: string;
}

type OnDone = (error: CallError | null, answer: PredictAnswer | null) => void;

const ONE = [1];
const METHOD = '/inference.GRPCInferenceService/ModelInfer';
const DATATYPES = { number: 'FP64', integer: 'INT64', text: 'BYTES', boolean: 'BOOL', timestamp: 'INT64' } as const;
const FRAME_HEAD_BYTES = 5;
/** Deadlines are looked at so often: a timer a call would cost more than it says. */
const SWEEP_MS = 250;

export class PredictClient {
  private readonly sessions: (ClientHttp2Session | null)[];
  /** Open calls in order of their start, with the time at which each is given up. */
  private readonly open = new Map<ClientHttp2Stream, number>();
  private readonly sweeper: NodeJS.Timeout;
  private turn = 0;

  constructor(
    private readonly address: string,
    private readonly signature: readonly SignatureInput[],
    connections = 2,
    private readonly deadlineMs = 5_000,
  ) {
    this.sessions = new Array<ClientHttp2Session | null>(connections).fill(null);
    this.sweeper = setInterval(() => this.sweep(), SWEEP_MS);
    this.sweeper.unref();
  }

  /** `onDone` is called once: with the error, or the answer. */
  predict(request: PredictRequest, onDone: OnDone): void {
    const message = encodeRequest(request, this.signature);
    const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + message.length);
    frame[0] = 0;
    frame.writeUInt32BE(message.length, 1);
    frame.set(message, FRAME_HEAD_BYTES);
    const headers: Record<string, string> = {
      ':method': 'POST',
      ':path': METHOD,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-timeout': `${this.deadlineMs}m`,
    };
    if (request.traceparent !== undefined) headers.traceparent = request.traceparent;
    let stream: ClientHttp2Stream;
    try {
      stream = this.session().request(headers);
    } catch (thrown) {
      // The session went away between the look and the call.
      onDone({ code: GRPC_STATUS.UNAVAILABLE, message: (thrown as Error).message }, null);
      return;
    }
    this.open.set(stream, systemClock.monotonicMs() + this.deadlineMs);
    collect(stream, (error, answer) => {
      this.open.delete(stream);
      onDone(error, answer);
    });
    stream.end(frame);
  }

  close(): void {
    clearInterval(this.sweeper);
    for (const session of this.sessions) session?.close();
  }

  /** The next connection in turn; a closed one is made anew. */
  private session(): ClientHttp2Session {
    const index = this.turn++ % this.sessions.length;
    const known = this.sessions[index];
    if (known && !known.closed && !known.destroyed) return known;
    const session = connect(`http://${this.address}`);
    // Each open call hears of it by itself.
    session.on('error', () => undefined);
    this.sessions[index] = session;
    return session;
  }

  private sweep(): void {
    const nowMs = systemClock.monotonicMs();
    for (const [stream, dueMs] of this.open) {
      if (dueMs > nowMs) return;
      stream.destroy(
        Object.assign(new Error('no answer within the deadline'), { grpcCode: GRPC_STATUS.DEADLINE_EXCEEDED }),
      );
    }
  }
}

/** Gathers one answer. */
function collect(stream: ClientHttp2Stream, onDone: OnDone): void {
  const chunks: Buffer[] = [];
  let status: IncomingHttpHeaders = {};
  let failure: (Error & { grpcCode?: number }) | undefined;
  stream.on('response', (headers) => {
    if (headers['grpc-status'] !== undefined) status = headers;
  });
  stream.on('trailers', (headers) => {
    status = headers;
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', (error) => {
    failure = error;
  });
  stream.once('close', () => {
    // Streams outlive young collections (Node holds them by native handles); what they no longer need should not.
    stream.removeAllListeners();
    if (failure) return onDone({ code: failure.grpcCode ?? GRPC_STATUS.UNAVAILABLE, message: failure.message }, null);
    if (status['grpc-status'] === undefined)
      return onDone({ code: GRPC_STATUS.UNAVAILABLE, message: 'the call ended without a status' }, null);
    const code = Number(status['grpc-status']);
    if (code !== 0) {
      return onDone({ code, message: decodeURIComponent(String(status['grpc-message'] ?? `status ${code}`)) }, null);
    }
    const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    try {
      onDone(null, decodeAnswer(bytes.subarray(FRAME_HEAD_BYTES)));
    } catch (thrown) {
      onDone({ code: GRPC_STATUS.INTERNAL, message: (thrown as Error).message }, null);
    }
  });
}

/** One row as a ModelInferRequest with raw contents, one tensor a feature. A missing value leaves its tensor out. */
function encodeRequest(request: PredictRequest, signature: readonly SignatureInput[]): Uint8Array {
  const inputs: Tensor[] = [];
  for (const input of signature) {
    const value = request.values[input.name] ?? null;
    if (value !== null) inputs.push(Tensor.raw(input.name, DATATYPES[input.type], ONE, rawValue(value, input.type)));
  }
  return encodeInferRequest({
    modelName: request.model,
    modelVersion: '',
    id: request.id,
    parameters: { entity: request.entity, event_time_ms: BigInt(request.eventTimeMs) },
    inputs,
    outputs: [],
  });
}

function rawValue(value: number | string | boolean, type: SignatureInput['type']): Uint8Array {
  if (type === 'text') {
    const text = Buffer.from(String(value));
    const bytes = Buffer.allocUnsafe(4 + text.length);
    bytes.writeUInt32LE(text.length);
    text.copy(bytes, 4);
    return bytes;
  }
  if (type === 'boolean') return Uint8Array.of(value ? 1 : 0);
  const bytes = Buffer.allocUnsafe(8);
  if (type === 'number') bytes.writeDoubleLE(Number(value));
  else bytes.writeBigInt64LE(BigInt(Math.round(Number(value))));
  return bytes;
}

function decodeAnswer(bytes: Uint8Array): PredictAnswer {
  const response = decodeInferResponse(bytes);
  const output = (name: string) => response.outputs.find((tensor) => tensor.name === name);
  return {
    version: Number(response.modelVersion),
    probability: output('probability')?.number(0) ?? Number.NaN,
    label: output('label')?.texts()[0] ?? '',
  };
}
