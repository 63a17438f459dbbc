// The V2 protocol of a serving that stands alone on a model repository.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { type ServingProcess, startServing, untilReady } from './serving-process.js';
import { writeRepository } from './wire-repository.js';
import { describeWire } from './wire-suite.js';

describe('serving alone', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-wire-'));
  let serving: ServingProcess;

  beforeAll(async () => {
    serving = await startServing({
      home,
      brokers: [],
      topicPrefix: '',
      env: { MILLRACE_SERVING_STANDALONE: 'true', MILLRACE_SERVING_REPOSITORY: writeRepository(join(home, 'models')) },
    });
    await untilReady(serving);
  }, 120_000);

  afterAll(async () => {
    await serving?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  describeWire('serving', () => ({ http: serving.http, grpc: serving.grpc, metrics: `${serving.http}/metrics` }));
});
