// A router's word on a rollout, as a sample of its codec.

export const ROLLOUT_EVIDENCE = {
  ...{ project: 'demo', version: 2, fromRevision: 9, router: '0' },
  ...{ startedAtMs: 1_795_449_600_123, saidAtMs: 1_795_449_700_456 },
  versions: [
    {
      ...{ version: 2, answered: 1_000, failed: 7, scored: 990, unusable: 3, pairs: 495, equalPairs: 2 },
      latency: { counts: [200, 993, 700, 7], sumUs: 9_876_543, maxUs: 1_234_567 },
      ...{ mean: 0.25, m2: 40.5, min: -0.125, max: 1.5, scores: [12, 3, 3_000, 987] },
      entities: [],
    },
  ],
};

const buckets = (first: readonly [number, number]): number[] => [...first, ...Array.from({ length: 126 }, () => 0)];

/** Since entities are counted. */
export const EVIDENCE_OF_ENTITIES = {
  ...ROLLOUT_EVIDENCE,
  versions: ROLLOUT_EVIDENCE.versions.map((version) => ({
    ...version,
    entities: [{ cut: 'errors/0', n: buckets([600, 400]), k: buckets([6, 1]) }],
  })),
};
