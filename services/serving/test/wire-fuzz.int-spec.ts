// A serving under mutated and random protobuf, JSON, binary bodies, paths and connections.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeInferRequest, type InferRequest, Tensor } from '@millrace/inference';
import { type ServingProcess, startServing, untilReady } from './serving-process.js';
import { binaryBody, http } from './wire-client.js';
import { type FuzzTarget, fuzzConnections, fuzzGrpc, fuzzPaths, fuzzRest, fuzzStream } from './wire-fuzz.js';
import { writeRepository } from './wire-repository.js';

const SEED = 4;

const fp32 = (name: string) => Tensor.of(name, 'FP32', [1, 3], [1, 2, 3]);
const request = (modelName: string, inputs: Tensor[], part: Partial<InferRequest> = {}) =>
  encodeInferRequest({ modelName, modelVersion: '', id: 'fuzz', parameters: {}, inputs, outputs: [], ...part });

const REQUESTS = [
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
const BODIES: FuzzTarget['bodies'] = [
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

describe('serving under fuzzed input', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-fuzz-'));
  let serving: ServingProcess;
  let target: FuzzTarget;

  beforeAll(async () => {
    serving = await startServing({
      home,
      brokers: [],
      topicPrefix: '',
      env: { MILLRACE_SERVING_STANDALONE: 'true', MILLRACE_SERVING_REPOSITORY: writeRepository(join(home, 'models')) },
    });
    await untilReady(serving);
    target = {
      grpc: serving.grpc,
      http: serving.http,
      requests: REQUESTS,
      bodies: BODIES,
      inferPath: '/v2/models/identity/infer',
    };
  }, 120_000);

  afterAll(async () => {
    await serving?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  it('answers 2,000 fuzzed gRPC calls cleanly', () => fuzzGrpc(target, SEED, 2000));
  it('answers 150 streams of fuzzed messages cleanly', () => fuzzStream(target, SEED, 150));
  it('answers 1,500 fuzzed REST bodies cleanly', () => fuzzRest(target, SEED, 1500));
  it('answers 500 fuzzed paths cleanly', () => fuzzPaths(target, SEED, 500));

  it('survives 200 connections of garbage, and is still well', async () => {
    await fuzzConnections(target, SEED, 200);
    expect(serving.process.exitCode).toBeNull();
    expect((await http(serving.http, '/v2/health/ready')).status).toBe(200);
    // Faults of callers are no faults of the service.
    expect(serving.log()).not.toMatch(/"level":"error"/);
  });
});
