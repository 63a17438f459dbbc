import { expect, it } from '@jest/globals';
import { encodeTrainerEntry, type HoldProgress, type ModelVersion } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { UsedDatasets } from './used-datasets.js';
import { usedDatasetEntries } from './used-datasets.kafka.js';

const HOUR_MS = 3_600_000;

it('knows what models in service, blessed ones and holds need, and when they do not any more', () => {
  const holds: HoldProgress[] = [];
  const clock = new ManualClock(1_000);
  const used = new UsedDatasets(() => holds, clock);
  const model = (version: number, blessed: boolean, ...datasetVersions: string[]) =>
    used.model({ project: 'p', version, blessed, datasetVersions } as unknown as ModelVersion);
  const needed = () => Object.fromEntries(used.neededOf('p').byId);
  model(1, true, 'a');
  model(2, false, 'b');
  expect(needed()).toEqual({ a: 'model version 1, which is blessed' });
  used.served('p', [2]);
  expect(needed()).toMatchObject({ b: 'model version 2 in service' });
  used.served('p', []);
  used.removeModel('p', 1);
  clock.advance(HOUR_MS);
  expect(needed()).toEqual({});
  const hold = { kind: 'hold', id: 'h', project: 'p', reason: 'a case', by: 'ann' } as HoldProgress;
  holds.push({ ...hold, dataset: 'd', model: 0 }, { ...hold, dataset: '', model: 2 });
  expect(needed()).toEqual({ b: 'hold h: a case', d: 'hold h: a case' });
  holds.push({ ...hold, dataset: '', model: 0 });
  expect(used.neededOf('p').all).toBe('hold h: a case');
});

it('keeps the data of a model version that was told to be gone, and comes back when it is looked at once more', () => {
  const clock = new ManualClock(1_000);
  const used = new UsedDatasets(() => [], clock);
  const model = { project: 'p', version: 3, blessed: true, datasetVersions: ['a'] } as unknown as ModelVersion;
  const needed = () => Object.fromEntries(used.neededOf('p').byId);
  used.model(model);
  used.removeModel('p', 3);
  clock.advance(HOUR_MS - 1);
  expect([needed(), used.trainedOn('p', 3)]).toEqual([{ a: 'model version 3, which may come back' }, null]);
  used.served('p', [3]);
  clock.advance(HOUR_MS);
  expect(needed()).toEqual({ a: 'model version 3 in service' });
  used.served('p', []);
  expect(needed()).toEqual({});
  used.model(model);
  expect([needed(), used.trainedOn('p', 3)]).toEqual([{ a: 'model version 3, which is blessed' }, ['a']]);
});

it('lets no data go where traffic or a hold names a model version of which nothing is known', () => {
  const holds: HoldProgress[] = [];
  const used = new UsedDatasets(() => holds, new ManualClock(1_000));
  // No version to roll back to.
  used.served('p', [0]);
  expect(used.neededOf('p').all).toBeNull();
  used.served('p', [4, 0]);
  expect(used.neededOf('p').all).toContain('model version 4 in service');
  used.served('p', []);
  holds.push({ kind: 'hold', id: 'h', project: 'p', reason: 'a case', dataset: '', model: 5 } as HoldProgress);
  expect(used.neededOf('p').all).toContain('hold h: a case');
});

it('lets no data go while a training is open that the trainer keeps: events of it may be lost', () => {
  const used = new UsedDatasets(() => [], new ManualClock(1_000));
  const told = usedDatasetEntries(used)['trainer.v1'] as (key: string, value: Buffer | null, at: never) => void;
  const entry = { project: 'p', projectCreatedAtMs: 1, trainingId: '', document: '{}' };
  told('p', Buffer.from(encodeTrainerEntry(entry)), undefined as never);
  expect(used.neededOf('p').all).toBeNull();
  told('p/t', Buffer.from(encodeTrainerEntry({ ...entry, trainingId: 't' })), undefined as never);
  expect([used.neededOf('p').all, used.neededOf('q').all]).toEqual(['training t, which is open', null]);
  told('p/t', null, undefined as never);
  expect(used.neededOf('p').all).toBeNull();
});
