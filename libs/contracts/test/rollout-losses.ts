// A monitor's word on a rollout, as a sample of its codec.

export const ROLLOUT_LOSSES = {
  ...{ project: 'demo', createdAtMs: 1_795_449_600_123, partition: 3, fromRevision: 9 },
  cells: [
    { version: 1, weight: 20, count: 400, mean: 0.125, m2: 12.5 },
    { version: 2, weight: 20, count: 100, mean: 0.25, m2: 3.75 },
  ],
  entities: [],
};

/** By entity, as monitors say them since they count so. */
export const LOSSES_OF_ENTITIES = {
  ...ROLLOUT_LOSSES,
  entities: [
    { version: 1, counts: [300, 0, 100], sums: [40.5, 0, 9.5] },
    { version: 2, counts: [100], sums: [25] },
  ],
};
