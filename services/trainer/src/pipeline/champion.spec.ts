import { expect, it } from '@jest/globals';
import type { TrainingRequest } from '@millrace/domain';
import { championOf } from './champion.js';

const ask = async (inService: number, latestBlessed: number, championVersion?: number) => {
  const champion = await championOf({ project: 'loans', championVersion } as TrainingRequest, {
    inService: () => inService,
    latestBlessed: () => latestBlessed,
    opponent: async (_project, version) => ({
      ...{ version, labelRule: '', inputs: [] },
      score: async () => new Float32Array(),
    }),
  });
  return champion === null ? null : [champion.version, champion.standing];
};

it.each([
  ['the one in service, though a newer one is blessed', ask(2, 5), [2, 'in service']],
  ['the newest blessed one where none is in service', ask(0, 5), [5, 'the newest blessed']],
  ['none where there is none', ask(0, 0), null],
  ['the one that is named', ask(2, 5, 3), [3, 'as asked']],
  ['the one that is named, which is in service', ask(3, 5, 3), [3, 'in service']],
  ['none where none is wanted', ask(2, 5, 0), null],
])('%s', async (_, asked, champion) => {
  expect(await asked).toEqual(champion);
});
