// Mutated and random bytes against an endpoint that speaks V2: every one must end in a clean answer (no INTERNAL, no
// UNKNOWN, no cut connection, no 500), and the next good request must work. Seeded: a fault names the seed and the
// bytes.

import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { encodeInferRequest, type InferRequest, Tensor } from '@millrace/inference';
import { binaryBody, http, RawGrpc } from './wire-client.js';

export interface FuzzTarget {
  /** host:port */
  grpc: string;
  http: string;
  /** Good ModelInferRequests; what is mutated. */
  requests: readonly Uint8Array[];
  /** Good REST bodies for `inferPath`. */
  bodies: readonly { headers: Record<string, string>; body: Buffer }[];
  inferPath: string;
}

/**
 * What a client may be told about its own mistakes: OK, INVALID_ARGUMENT, NOT_FOUND, UNIMPLEMENTED, DEADLINE_EXCEEDED.
 */
const CLEAN_CODES = new Set([0, 3, 4, 5, 12]);
/** And UNAVAILABLE, where a mutated `timeout` was too short for the queue. */
const clean = (code: number, details: string): boolean =>
  CLEAN_CODES.has(code) || (code === 14 && details.includes('the request timeout expired'));
const CLEAN_STATUSES = new Set([200, 400, 404, 405, 413, 414, 415, 431, 501, 503]);
const CONCURRENT = 16;

/** One to four cuts, copies, flips or insertions. */
export function mutate(rng: Rng, bytes: Uint8Array, other: Uint8Array): Buffer {
  let out = Buffer.from(bytes);
  for (let round = 1 + rng.below(4); round > 0; round--) {
    const at = rng.below(out.length + 1);
    const length = rng.below(12);
    switch (rng.below(6)) {
      case 0:
        out = out.subarray(0, at);
        break;
      case 1:
        out = Buffer.concat([out.subarray(0, at), out.subarray(Math.min(out.length, at + length))]);
        break;
      case 2:
        out = Buffer.concat([out.subarray(0, at), random(rng, length), out.subarray(at)]);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), Buffer.from(other).subarray(rng.below(other.length))]);
        break;
      case 4:
        if (at < out.length) out[at] = rng.below(256);
        break;
      default:
        if (at < out.length) out[at] = (out[at] as number) ^ (1 << rng.below(8));
    }
    out = Buffer.from(out);
  }
  return out;
}

function random(rng: Rng, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => rng.below(256)));
}

function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[rng.below(from.length)] as T;
}

/** Runs `each` for every index, CONCURRENT at a time. */
async function all(count: number, each: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) await each(index);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
}

export async function fuzzGrpc(target: FuzzTarget, seed: number, count: number): Promise<void> {
  const rng = seededRng(seed);
  const grpc = new RawGrpc(target.grpc);
  const methods = [
    'ModelMetadata',
    'ModelConfig',
    'ModelStatistics',
    'ModelReady',
    'RepositoryIndex',
    'TraceSetting',
    'LogSettings',
    '/grpc.health.v1.Health/Check',
  ];
  try {
    await all(count, async (index) => {
      const method = index % 4 === 0 ? pick(rng, methods) : 'ModelInfer';
      const bytes =
        index % 10 === 0
          ? random(rng, rng.below(200))
          : mutate(rng, pick(rng, target.requests), pick(rng, target.requests));
      const { code, details } = await grpc.unary(method, bytes);
      if (!clean(code, details)) throw new Error(`${method} ${bytes.toString('hex')}: ${code} ${details}`);
    });
    const good = await grpc.unary('ModelInfer', target.requests[0] as Uint8Array);
    expect(good).toMatchObject({ code: 0 });
  } finally {
    grpc.close();
  }
}

export async function fuzzStream(target: FuzzTarget, seed: number, streams: number): Promise<void> {
  const rng = seededRng(seed);
  const grpc = new RawGrpc(target.grpc);
  try {
    await all(streams, async () => {
      const messages = Array.from({ length: 1 + rng.below(20) }, () =>
        mutate(rng, pick(rng, target.requests), pick(rng, target.requests)),
      );
      const { code, details } = await grpc.stream(messages, rng.below(3) === 0 ? { triton_grpc_error: 'true' } : {});
      if (!clean(code, details)) throw new Error(`a stream ended with ${code} ${details}`);
    });
    const { answers } = await grpc.stream([target.requests[0] as Uint8Array]);
    expect(answers).toMatchObject([{ error: '' }]);
  } finally {
    grpc.close();
  }
}

const LENGTHS = ['', '0', '-1', '1', '17', '99999999999', '1e3', ' 12 ', 'NaN', '0x10'];
const CODINGS = ['gzip', 'deflate', 'br', 'identity', 'gzip, gzip', ''];

export async function fuzzRest(target: FuzzTarget, seed: number, count: number): Promise<void> {
  const rng = seededRng(seed);
  await all(count, async () => {
    const { headers, body } = pick(rng, target.bodies);
    const sent = { ...headers };
    if (rng.below(4) === 0) sent['inference-header-content-length'] = pick(rng, LENGTHS);
    if (rng.below(8) === 0) sent['content-encoding'] = pick(rng, CODINGS);
    if (rng.below(8) === 0)
      sent['content-type'] = pick(rng, ['', 'nonsense', 'application/json; charset=', 'text/plain']);
    const bytes = mutate(rng, body, pick(rng, target.bodies).body);
    const answer = await http(target.http, target.inferPath, { method: 'POST', headers: sent, body: bytes });
    if (!CLEAN_STATUSES.has(answer.status)) {
      throw new Error(`${JSON.stringify(sent)} ${bytes.toString('hex')}: ${answer.status} ${answer.body.toString()}`);
    }
    if (answer.status !== 200) expect(typeof answer.json().error).toBe('string');
  });
  const [good] = target.bodies;
  expect(
    (await http(target.http, target.inferPath, { method: 'POST', ...(good as FuzzTarget['bodies'][0]) })).status,
  ).toBe(200);
}

export async function fuzzPaths(target: FuzzTarget, seed: number, count: number): Promise<void> {
  const rng = seededRng(seed);
  const parts = [
    'v2',
    'models',
    'identity',
    'infer',
    'versions',
    '1',
    '..',
    '%2e%2e',
    '%00',
    '%ff',
    'ready',
    '',
    'a'.repeat(600),
    '*',
    ':x',
    'artifacts',
    'tfjs',
    'repository',
    'load',
    '%F0%9F%9A%82',
  ];
  await all(count, async () => {
    const path = `/v2/${Array.from({ length: 1 + rng.below(6) }, () => pick(rng, parts)).join('/')}`;
    const method = pick(rng, ['GET', 'POST', 'PUT', 'HEAD', 'OPTIONS', 'DELETE']);
    const answer = await http(target.http, path, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
    if (answer.status >= 500 && answer.status !== 501)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
  });
}

/** Bytes that are no HTTP at all: the connection may be closed, the server must stay. */
export async function fuzzConnections(target: FuzzTarget, seed: number, count: number): Promise<void> {
  const rng = seededRng(seed);
  const ports = [Number(new URL(target.http).port), Number(target.grpc.split(':').at(-1))];
  const starts = [
    '',
    'POST /v2/models/identity/infer HTTP/1.1\r\nContent-Length: ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  await all(count, async () => {
    const bytes = Buffer.concat([Buffer.from(pick(rng, starts)), random(rng, rng.below(400))]);
    await new Promise<void>((resolve) => {
      const socket = connect(pick(rng, ports), '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
      socket.resume();
      socket.setTimeout(500, () => socket.destroy());
    });
  });
}

const fp32 = (name: string) => Tensor.of(name, 'FP32', [1, 3], [1, 2, 3]);
const request = (modelName: string, inputs: Tensor[], part: Partial<InferRequest> = {}) =>
  encodeInferRequest({ modelName, modelVersion: '', id: 'fuzz', parameters: {}, inputs, outputs: [], ...part });

/** Good requests of wire-repository's models. */
export const REQUESTS = [
  request('identity', [fp32('INPUT0')], { outputs: [{ name: 'OUTPUT0', parameters: { classification: 2n } }] }),
  request('add_sub', [fp32('INPUT0'), fp32('INPUT1')], {
    modelVersion: '1',
    parameters: { priority: 1n, timeout: 1000000n },
  }),
  request('string', [
    Tensor.of('INPUT0', 'BYTES', [1, 2], ['1', '22']),
    Tensor.of('INPUT1', 'BYTES', [1, 2], ['3', '4']),
  ]),
  request('accumulator', [Tensor.of('INPUT', 'INT32', [1, 1], [5])], {
    parameters: { sequence_id: 'fuzz', sequence_start: true },
  }),
  request('repeat', [Tensor.of('IN', 'INT32', [2], [1, 2])]),
];

const X = Buffer.from(new Float32Array([1, 2, 3]).buffer);
const json = (value: unknown) => ({ headers: {}, body: Buffer.from(JSON.stringify(value)) });
const input = { name: 'INPUT0', datatype: 'FP32', shape: [1, 3] };
export const BODIES: FuzzTarget['bodies'] = [
  json({ id: 'fuzz', inputs: [{ ...input, data: [1, 2, 3] }] }),
  json({
    parameters: { binary_data_output: true },
    inputs: [{ ...input, data: [[1, 2, 3]] }],
    outputs: [{ name: 'OUTPUT0' }],
  }),
  binaryBody({ inputs: [{ ...input, parameters: { binary_data_size: 12 } }] }, X),
  { headers: { 'inference-header-content-length': '0' }, body: X },
  {
    headers: { 'content-encoding': 'gzip' },
    body: gzipSync(JSON.stringify({ inputs: [{ ...input, data: [1, 2, 3] }] })),
  },
];
