import { describe, expect, it } from '@jest/globals';
import { decodePrediction } from '@millrace/contracts';
import { encoded, predictionMessage } from './messages.js';

const prediction = {
  ...{ predictionId: 'r/0', project: 'demo', modelVersion: 1, eventTimeMs: 0, answeredAtMs: 1, latencyUs: 1 },
  ...{ features: [1, 'a'], outputs: [{ name: 'score', value: 0.5 }], traceId: '', modelSha256: 'sha' },
  role: 'live' as const,
};

describe('predictionMessage', () => {
  it('has the entity as its key, the request where there is none, and the trace only where there is one', () => {
    const withEntity = predictionMessage({ ...prediction, entity: 'e' }, 'r', '');
    expect(withEntity).toEqual({ key: 'demo/e', value: expect.any(Uint8Array) });
    expect(decodePrediction(withEntity.value as Uint8Array)).toEqual({ ...prediction, entity: 'e' });
    const traced = predictionMessage({ ...prediction, entity: '' }, 'r', '00-a-b-01');
    expect(traced).toMatchObject({ key: 'demo/r', headers: { traceparent: '00-a-b-01' } });
  });
});

describe('encoded', () => {
  it('gives all messages of all items', () => {
    const message = predictionMessage({ ...prediction, entity: '' }, 'r', '');
    expect(encoded([2, 1], (count) => Array.from({ length: count }, () => message))).toHaveLength(3);
  });

  it('says of what cannot be encoded that it never can: the log must not try it again for ever', () => {
    const broken = () => encoded([undefined], (item) => (item as unknown as { messages: never }).messages);
    expect(broken).toThrow(expect.objectContaining({ retry: 'never', code: 'internal' }));
  });
});
