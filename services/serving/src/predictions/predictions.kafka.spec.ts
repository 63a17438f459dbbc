import { describe, expect, it } from '@jest/globals';
import { decodePrediction, messageKey } from '@millrace/contracts';
import type { RowNames } from '@millrace/domain';
import type { AnsweredBatch } from '../models/served-version.js';
import { headOf } from '../models/task-head.js';
import { messagesOf } from './predictions.kafka.js';

/** Two rows of one request. */
const answered = (names: Partial<RowNames> = {}, facts: object = {}) =>
  ({
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
        ...names,
      },
      facts: { traceparent: '', ...facts },
    },
    numbers: [0.25, 0.75],
    answeredAtMs: 1,
    latencyMs: 1,
  }) as unknown as AnsweredBatch;

describe('messagesOf', () => {
  it('is one message a row, each with its own id, features and outputs', () => {
    const rows = messagesOf(answered()).map(({ value }) => decodePrediction(value as Uint8Array));
    expect(rows.map(({ predictionId, features, outputs }) => [predictionId, features, outputs[0]?.value])).toEqual([
      ['r/0', [1, 'a'], 0.25],
      ['r/1', [2, 'b'], 0.75],
    ]);
  });

  it('marks the answer to a copy for a shadow, under the same id as the live one', () => {
    const roles = (facts: object) =>
      messagesOf(answered({}, facts)).map(({ value }) => {
        const { predictionId, role } = decodePrediction(value as Uint8Array);
        return `${predictionId} ${role}`;
      });
    expect(roles({})).toEqual(['r/0 live', 'r/1 live']);
    expect(roles({ shadow: true })).toEqual(['r/0 shadow', 'r/1 shadow']);
  });

  it('says in which rollout the route drew the version, where it did', () => {
    const draws = (facts: object) =>
      messagesOf(answered({}, facts)).map(({ value }) => decodePrediction(value as Uint8Array).draw);
    expect(draws({})).toEqual([undefined, undefined]);
    const draw = { fromRevision: 9, weight: 20 };
    expect(draws({ draw })).toEqual([draw, draw]);
  });

  it('knows a row by its own id and entity where the request says them, and sends it where its label goes', () => {
    const messages = messagesOf(answered({ entity: '', rowIds: ['a-1', ''], rowEntities: ['', 'bob'] }));
    const rows = messages.map(({ value }) => decodePrediction(value as Uint8Array));
    expect(rows.map(({ predictionId, entity }) => [predictionId, entity])).toEqual([
      ['a-1/0', ''],
      ['r/1', 'bob'],
    ]);
    // A label without an entity has its record id for a key.
    expect(messages.map(({ key }) => key)).toEqual([messageKey('demo', 'a-1'), messageKey('demo', 'bob')]);
  });
});
