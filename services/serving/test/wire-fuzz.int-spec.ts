// A serving under mutated and random protobuf, JSON, binary bodies, paths and connections.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ServingProcess, startServing, untilReady } from './serving-process.js';
import { http } from './wire-client.js';
import {
  BODIES,
  type FuzzTarget,
  fuzzConnections,
  fuzzGrpc,
  fuzzPaths,
  fuzzRest,
  fuzzStream,
  REQUESTS,
} from './wire-fuzz.js';
import { writeRepository } from './wire-repository.js';

const SEED = 4;

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
