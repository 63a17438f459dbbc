import { describe, expect, it } from '@jest/globals';
import { decodePrediction } from '@millrace/contracts';
import type { AnsweredBatch } from '../models/served-version.js';
import { headOf } from '../models/task-head.js';
import { messagesOf } from './predictions.kafka.js';

describe('messagesOf', () => {
  it('is one message a row, each with its own id, features and outputs', () => {
    const answer = {
      version: { facts: { project: 'demo', version: 1, modelSha256: 'sha', head: headOf('binary') } },
      job: {
        ...{
          id: 'r',
          entity: 'e',
          raw: [
            [1, 'a'],
            [2, 'b'],
          ],
          eventTimeMs: 0,
          traceId: '',
        },
        facts: { traceparent: '' },
      },
      numbers: [0.25, 0.75],
      answeredAtMs: 1,
      latencyMs: 1,
    } as unknown as AnsweredBatch;
    const rows = messagesOf(answer).map(({ value }) => decodePrediction(value as Uint8Array));
    expect(rows.map(({ predictionId, features, outputs }) => [predictionId, features, outputs[0]?.value])).toEqual([
      ['r/0', [1, 'a'], 0.25],
      ['r/1', [2, 'b'], 0.75],
    ]);
  });
});
