import { describe, expect, it } from '@jest/globals';
import type { AnsweredBatch } from '../models/served-version.js';
import { headOf } from '../models/task-head.js';
import { predictionWriter } from './predictions.kafka.js';

function answered(features: unknown[]): AnsweredBatch {
  return {
    version: { facts: { project: 'demo', version: 1, modelSha256: 'sha', head: headOf('binary') } },
    job: { id: 'r', entity: 'e', raw: [features], eventTimeMs: 0, traceId: '', facts: { traceparent: '' } },
    numbers: [0.5],
    answeredAtMs: 1,
    latencyMs: 1,
  } as unknown as AnsweredBatch;
}

describe('predictionWriter', () => {
  it('sends one message a row', async () => {
    const sent: number[] = [];
    const write = predictionWriter({ send: async (_topic, messages) => void sent.push(messages.length) });
    await write([answered([1, 'a']), answered([2, 'b'])]);
    expect(sent).toEqual([2]);
  });

  it('says of what cannot be encoded that it never can: the log must not try it again for ever', async () => {
    const write = predictionWriter({ send: async () => undefined });
    const broken = { ...answered([1]), version: undefined } as unknown as AnsweredBatch;
    await expect(write([broken])).rejects.toMatchObject({ retry: 'never', code: 'internal' });
  });
});
