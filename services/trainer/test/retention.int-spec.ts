// Retention of model versions of a running trainer on a real Kafka: what goes is told to everybody and its package is
// gone; what gets traffic, is held or was blessed last stays.

import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { encodeModelVersion, encodeProgress, encodeRoute, type HoldProgress } from '@millrace/contracts';
import { emptyRoute } from '@millrace/routing';
import { eventually } from '@millrace/testing';
import { TrainerOnKafka } from './trainer-on-kafka.js';

const PROJECT = `name: shop
data:
  entity: who
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: size, type: number }
    - { name: paid, type: number, outcome: true }
  label: { name: good, column: paid, operation: ge, value: 1 }
features: [{ name: size, kind: numeric }]
retention: { models: { keep: 1 } }
`;

let on: TrainerOnKafka;
beforeAll(async () => {
  on = await TrainerOnKafka.create();
}, 120_000);
afterAll(() => on?.close());

async function announce(version: number, blessed: boolean): Promise<void> {
  const packagePath = `models/shop/${version}`;
  await openArtifactStore({ home: on.home }).putFolder(packagePath, { 'manifest.json': '{}' });
  const evaluation = { rows: 5, metrics: { auc: 0.5 }, positiveShare: 0.2, eventTimeFromMs: 0, eventTimeToMs: 1 };
  const value = encodeModelVersion({
    ...{ project: 'shop', version, packagePath, modelSha256: 'a'.repeat(64), packageSha256: 'b'.repeat(64) },
    ...{ blessed, verdict: '', warnings: [], reasons: ['a reason'], evaluation, championVersion: 0 },
    ...{ baselines: [], slices: [], datasetVersions: ['d'.repeat(64)], trainingId: `t${version}`, workers: 1, seed: 1 },
    ...{ createdAtMs: version, correlationId: '', trainRows: 5, trainSeconds: 3, origin: 'trained' as const },
    labelRule: '',
  });
  await on.producer.send('models.v1', [{ key: `shop/${version}`, value }]);
}

const isThere = (version: number) =>
  access(join(on.home, `artifacts/models/shop/${version}`)).then(
    () => true,
    () => false,
  );
const versions = async () => {
  const { models } = (await on.call('GET', '/v1/projects/shop/models')).body as { models: { version: number }[] };
  return models.map(({ version }) => version);
};

it('deletes the packages that nothing needs, and says why the others stay', async () => {
  await on.applyProject(PROJECT);
  for (let version = 1; version <= 7; version++) await announce(version, version === 1 || version === 4);
  const targets = [{ version: 2, weight: 100, name: 'blue' }];
  const route = { ...emptyRoute('shop'), revision: 1, targets, previousVersion: 3, loadedVersions: [2, 3] };
  await on.producer.send('routes.v1', [{ key: 'shop', value: encodeRoute(route) }]);
  const hold: HoldProgress = {
    ...{ kind: 'hold', id: 'h', project: 'shop', dataset: '', model: 5, reason: 'case 7', by: 'ann', atMs: 1 },
    ...{ removedAtMs: 0, removedBy: '', removedReason: '' },
  };
  await on.producer.send('progress.v1', [{ key: '/hold/shop/h', value: encodeProgress(hold) }]);
  on.start('main.js', '0');
  await on.ready();
  const planned = await eventually('the trainer is at work', async () => {
    const { status, body } = await on.call('GET', '/v1/projects/shop/retention');
    return status === 200 ? body : null;
  });
  const { versions: told } = planned as { versions: { version: number; keptBy: string | null }[] };
  expect(Object.fromEntries(told.map(({ version, keptBy }) => [version, keptBy]))).toEqual({
    ...{ 1: null, 2: 'in service', 3: 'where a rollback goes', 4: 'the newest blessed one', 5: 'hold h: case 7' },
    ...{ 6: null, 7: 'one of the newest 1' },
  });
  const collected = await on.call('POST', '/v1/projects/shop/retention/collect');
  expect(collected).toMatchObject({ body: { removed: 2 } });
  expect(await versions()).toEqual([2, 3, 4, 5, 7]);
  expect(await Promise.all([1, 2, 3, 4, 5, 6, 7].map(isThere))).toEqual([false, true, true, true, true, false, true]);
  // Taken off: then it goes too.
  const off = { ...hold, removedAtMs: 5, removedBy: 'bob', removedReason: 'closed' };
  await on.producer.send('progress.v1', [{ key: '/hold/shop/h', value: encodeProgress(off) }]);
  expect(await on.call('POST', '/v1/projects/shop/retention/collect')).toMatchObject({ body: { removed: 1 } });
  expect([await versions(), await isThere(5)]).toEqual([[2, 3, 4, 7], false]);
  expect((await on.call('GET', '/v1/projects/none/retention')).status).toBe(404);
}, 120_000);
