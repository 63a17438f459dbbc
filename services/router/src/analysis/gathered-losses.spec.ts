import { describe, expect, it } from '@jest/globals';
import { allLosses } from '@millrace/routing';
import { GatheredLosses, type LossesWord } from './gathered-losses.js';

const word = (part: Partial<LossesWord> & { count: number }): LossesWord => ({
  ...{ project: 'p', createdAtMs: 5, partition: 0, fromRevision: 9, ...part },
  cells: [
    { version: 1, weight: 20, count: part.count, mean: 0.25, m2: 0 },
    { version: 2, weight: 20, count: part.count, mean: 0.5, m2: 0 },
  ],
  entities: [
    { version: 1, counts: [0, part.count], sums: [0, part.count / 4] },
    { version: 2, counts: [part.count], sums: [part.count / 2] },
  ],
});
const ROLLOUT = { project: 'p', fromRevision: 9 };
const counted = (losses: GatheredLosses, rollout = ROLLOUT) =>
  [1, 2].map((version) => allLosses(losses.of(rollout).of(version)).count);

describe('what monitors said of labels', () => {
  it('is the sum over partitions, of each the newest word', () => {
    const losses = new GatheredLosses();
    for (const count of [10, 30]) losses.hear(word({ count }));
    losses.hear(word({ count: 7, partition: 3 }));
    expect(counted(losses)).toEqual([37, 37]);
    expect(allLosses(losses.of(ROLLOUT).of(2)).mean).toBe(0.5);
    const [stable, candidate] = [1, 2].map((version) => losses.of(ROLLOUT).entitiesOf(version));
    expect([stable?.n[1], stable?.k[1], candidate?.n[0], candidate?.k[0]]).toEqual([37, 37 / 4, 37, 37 / 2]);
    expect(counted(losses, { ...ROLLOUT, project: 'q' })).toEqual([0, 0]);
  });

  it('a monitor that counts again from an older checkpoint takes nothing away and adds nothing twice', () => {
    const losses = new GatheredLosses();
    losses.hear(word({ count: 100 }));
    for (const count of [60, 80, 100]) {
      losses.hear(word({ count }));
      expect(counted(losses)).toEqual([100, 100]);
    }
    losses.hear(word({ count: 101 }));
    expect(counted(losses)).toEqual([101, 101]);
  });

  it('a newer rollout begins at nothing, and an older one is not heard of any more', () => {
    const losses = new GatheredLosses();
    losses.hear(word({ count: 100 }));
    losses.hear(word({ count: 1, fromRevision: 12 }));
    losses.hear(word({ count: 200, partition: 1 }));
    expect(counted(losses)).toEqual([0, 0]);
    expect(counted(losses, { ...ROLLOUT, fromRevision: 12 })).toEqual([1, 1]);
  });

  it('a deleted project of the name says nothing of the one after it, whose revisions begin anew', () => {
    let createdAtMs = 5;
    const losses = new GatheredLosses(() => createdAtMs);
    losses.hear(word({ count: 100 }));
    createdAtMs = 50;
    expect(counted(losses)).toEqual([0, 0]);
    losses.hear(word({ count: 3, createdAtMs: 50, fromRevision: 2 }));
    losses.hear(word({ count: 300 }));
    expect(counted(losses, { ...ROLLOUT, fromRevision: 2 })).toEqual([3, 3]);
    losses.forget('p');
    expect(counted(losses, { ...ROLLOUT, fromRevision: 2 })).toEqual([0, 0]);
  });
});
