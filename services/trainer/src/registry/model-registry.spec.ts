import { expect, it } from '@jest/globals';
import type { DatasetVersion, ModelVersion } from '@millrace/contracts';
import type { Project } from '@millrace/project';
import { ModelRegistry } from './model-registry.js';

const model = (version: number, createdAtMs: number) =>
  ({ project: 'loans', version, createdAtMs, blessed: true, trainingId: `t${version}` }) as ModelVersion;
const dataset = (id: string, closedAtMs: number) => ({ project: 'loans', id, closedAtMs }) as DatasetVersion;
const project = { name: 'loans' } as Project;

it('knows nothing of a deleted project of the same name but the version numbers', () => {
  const registry = new ModelRegistry();
  registry.setModel(model(1, 100));
  registry.setDataset(dataset('d', 90));
  registry.setProject('loans', project, 50);
  expect([registry.latestBlessed('loans'), registry.dataset('loans', 'd').id]).toEqual([1, 'd']);
  registry.setModel(model(3, 95));
  expect(registry.inService('loans')).toBe(0);
  registry.setRoute('loans', 1);
  expect([registry.inService('loans'), registry.latestBlessed('loans')]).toEqual([1, 3]);
  registry.setProject('loans', null);
  expect(registry.createdAtMs('loans')).toBeUndefined();
  registry.setProject('loans', project, 200);
  expect(registry.createdAtMs('loans')).toBe(200);
  expect([registry.models('loans'), registry.latestBlessed('loans')]).toEqual([[], 0]);
  expect(registry.announced('loans', 't1')).toBeUndefined();
  expect(() => registry.model('loans', 1)).toThrow('no model version 1');
  expect(() => registry.dataset('loans', 'd')).toThrow('no dataset version d');
  expect([registry.nextVersion('loans'), registry.inService('loans')]).toEqual([4, 0]);
  // The same rows, imported again.
  registry.setDataset(dataset('d', 210));
  registry.setModel(model(4, 220));
  expect([registry.dataset('loans', 'd').closedAtMs, registry.latestBlessed('loans')]).toEqual([210, 4]);
});

it('says of versions that they are gone where it was told so, not where there are more than it remembers', () => {
  const registry = new ModelRegistry();
  for (let version = 1; version <= 10_001; version++) registry.setModel(model(version, 100));
  registry.removeModel('loans', 7);
  expect(registry.allVersions('loans').has(1)).toBe(false);
  expect([...registry.goneVersions('loans')]).toEqual([7]);
  registry.setModel(model(7, 100));
  expect([...registry.goneVersions('loans')]).toEqual([]);
});
