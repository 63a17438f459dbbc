import { expect, it } from '@jest/globals';
import type { HoldProgress, ModelVersion, TrainingEvent } from '@millrace/contracts';
import { UsedDatasets } from './used-datasets.js';

it('knows what models in service, blessed ones, open trainings and holds need, and when they do not any more', () => {
  const holds: HoldProgress[] = [];
  const used = new UsedDatasets(() => holds);
  const model = (version: number, blessed: boolean, ...datasetVersions: string[]) =>
    used.model({ project: 'p', version, blessed, datasetVersions } as unknown as ModelVersion);
  const training = (event: object) => used.training({ project: 'p', trainingId: 't', event } as TrainingEvent);
  const needed = () => Object.fromEntries(used.neededOf('p').byId);
  model(1, true, 'a');
  model(2, false, 'b');
  training({ kind: 'requested', trigger: 'manual', datasetVersions: ['c'] });
  expect(needed()).toEqual({ a: 'model version 1, which is blessed', c: 'training t, which is open' });
  used.served('p', [2]);
  training({ kind: 'started' });
  expect(needed()).toMatchObject({ b: 'model version 2 in service', c: expect.any(String) });
  training({ kind: 'failed', code: 'x', message: '' });
  used.served('p', []);
  used.removeModel('p', 1);
  expect(needed()).toEqual({});
  const hold = { kind: 'hold', id: 'h', project: 'p', reason: 'a case', by: 'ann' } as HoldProgress;
  holds.push({ ...hold, dataset: 'd', model: 0 }, { ...hold, dataset: '', model: 2 });
  expect(needed()).toEqual({ b: 'hold h: a case', d: 'hold h: a case' });
  holds.push({ ...hold, dataset: '', model: 0 });
  expect(used.neededOf('p').all).toBe('hold h: a case');
});
