import { describe, expect, it } from '@jest/globals';
import type { ControlClient } from '../client/control.http.js';
import { collected } from './collected.js';

const version = (keptBy: string | null) => ({
  ordinal: 1,
  id: 'f'.repeat(64),
  source: 's',
  rows: 2,
  closedAtMs: 0,
  keptBy,
});
const model = (version: number, keptBy: string | null) => ({ version, createdAtMs: 0, blessed: true, keptBy });
const said = async (planned: object, isDry: boolean, models?: readonly unknown[]) => {
  const noTrainer = async () => {
    throw new Error('the trainer was asked');
  };
  const control = {
    retention: async () => ({ hasModels: models !== undefined, ...planned }),
    collect: async () => ({ removed: 3 }),
    modelRetention: models === undefined ? noTrainer : async () => ({ versions: models }),
    collectModels: models === undefined ? noTrainer : async () => ({ removed: 2 }),
  } as unknown as ControlClient;
  const { value, text, next } = await collected(control, 'loans', isDry);
  return { value, text: text(undefined), next };
};

describe('gc', () => {
  it.each([true, false])('says that nothing is declared, and where to write it (dry run: %s)', async (isDry) => {
    const { text, next } = await said({ datasets: null, versions: [version('no retention is declared')] }, isDry);
    expect(text).toMatch(/declares no retention, .*write `retention: .*` into its project file/);
    expect(next).toEqual(['millrace apply FILE']);
  });

  it('offers itself after a dry run only where something would go', async () => {
    const datasets = { keep: 1, forMs: 0 };
    expect((await said({ datasets, versions: [version(null)] }, true)).next).toEqual(['millrace gc loans']);
    expect((await said({ datasets, versions: [version('the newest one')] }, true)).next).toEqual([
      'millrace datasets loans',
    ]);
    expect(await said({ datasets, versions: [] }, false)).toMatchObject({
      value: { removed: 3 },
      text: '3 dataset versions deleted',
    });
  });

  it('speaks of models where the project does, of them alone where it says nothing of datasets', async () => {
    const datasets = { keep: 1, forMs: 0 };
    const models = [model(1, null), model(2, 'in service')];
    const dry = await said({ datasets, versions: [version('the newest one')] }, true, models);
    for (const told of ['the newest one', 'goes', 'stays: in service']) expect(dry.text).toContain(told);
    expect(dry.next).toEqual(['millrace gc loans']);
    expect(await said({ datasets, versions: [] }, false, models)).toMatchObject({
      value: { removed: 3, removedModels: 2 },
      text: '3 dataset versions, 2 model versions deleted',
      next: ['millrace datasets loans', 'millrace models loans'],
    });
    expect((await said({ datasets: null, versions: [] }, false, models)).text).toBe('2 model versions deleted');
  });
});
