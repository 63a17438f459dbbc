import { describe, expect, it } from '@jest/globals';
import { ENTITY_BUCKETS } from '@millrace/routing';
import { decodeEvidence, encodeEvidence, type RolloutEvidence } from './evidence.codec.js';

const buckets = (first: number): number[] => [first, ...Array.from({ length: ENTITY_BUCKETS - 1 }, () => 0)];
const VERSION = {
  ...{ version: 2, answered: 10, failed: 1, scored: 8, unusable: 1, pairs: 4, equalPairs: 1 },
  ...{ latency: { counts: [3, 10], sumUs: 30, maxUs: 3 }, mean: 1, m2: 0, min: 1, max: 1, scores: [2_080, 8] },
  entities: [{ cut: 'errors/0', n: buckets(10), k: buckets(1) }],
};
const EVIDENCE: RolloutEvidence = {
  ...{ project: 'p', version: 2, fromRevision: 7, router: '0', startedAtMs: 5, saidAtMs: 6, versions: [VERSION] },
};

describe('what a router counted, in its topic', () => {
  it.each([
    ['more failures than answers', { failed: 11 }],
    ['more equal pairs than pairs', { equalPairs: 5 }],
    ['a count below 0', { unusable: -1 }],
    ['no version', { version: 0 }],
    ['more marked answers of a bucket than answers', { entities: [{ cut: 'errors/0', n: buckets(1), k: buckets(2) }] }],
    ['another number of buckets', { entities: [{ cut: 'errors/0', n: [1], k: [1] }] }],
  ])('%s is no evidence', (_what, part) => {
    const bytes = encodeEvidence({ ...EVIDENCE, versions: [{ ...VERSION, ...part }] });
    expect(() => decodeEvidence(bytes)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });

  it('nobody’s word is none', () => {
    expect(() => decodeEvidence(encodeEvidence({ ...EVIDENCE, router: '' }))).toThrow('router');
    expect(() => decodeEvidence(encodeEvidence({ ...EVIDENCE, fromRevision: 0 }))).toThrow('fromRevision');
    expect(decodeEvidence(encodeEvidence(EVIDENCE))).toEqual(EVIDENCE);
  });
});
