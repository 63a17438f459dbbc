import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aPrediction } from '@millrace/testing';
import { ArchiveStand, LIFE } from '../../test/an-archive.js';
import type { ArchiveOf } from './archive-file.js';
import { ArchivedLives } from './archived-lives.js';

let stand: ArchiveStand;
beforeEach(async () => {
  stand = await ArchiveStand.open();
});
afterEach(() => stand.close());

/** Project p as this process reads of it. `isHeld`: on progress.v1, read when somebody waits for what is there. */
function aProject({ isHeld }: { isHeld: boolean }) {
  let [life, isKnown]: [ArchiveOf | undefined, boolean] = [LIFE, false];
  let keepsNothing = false;
  const lifeOf = (project: string) => (project === 'p' ? life : undefined);
  const archived = (project: string) => (keepsNothing ? undefined : lifeOf(project));
  const lives = new ArchivedLives(lifeOf, archived, {
    holdsKnown: async () => {
      isKnown = isHeld;
    },
    heldFromMs: () => (isKnown ? Number.NEGATIVE_INFINITY : undefined),
  });
  lives.applied('p');
  const become = (now: ArchiveOf | undefined, archives = true) => {
    life = now;
    keepsNothing = !archives;
    if (now === undefined) lives.removed('p');
    else lives.applied('p');
  };
  return { lives, become };
}

describe('of a project that is deleted', () => {
  it.each([
    ['stays, where all of it is held', true, [20, 20]],
    ['goes, where nothing is', false, undefined],
  ])('what waits and what was written and is read later %s', async (_, isHeld, rows) => {
    const { lives, become } = aProject({ isHeld });
    const { archive, read } = stand.start(undefined, { lives });
    read(0, 10);
    become(undefined);
    read(10, 20);
    await archive.flush();
    expect([archive.bytes, stand.failures]).toEqual([0, []]);
    if (rows === undefined) expect(await stand.store.list('archive')).toEqual([]);
    else expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual(rows);
  });

  it.each([true, false])(
    'what is read when one of its name is applied is its own (deletion read: %s)',
    async (isRead) => {
      const { lives, become } = aProject({ isHeld: true });
      const { archive } = stand.start(undefined, { lives });
      if (isRead) become(undefined);
      become({ project: 'p', createdAtMs: 9 });
      archive.prediction(2, 0, aPrediction({ project: 'p', predictionId: 'a/0' }), 8);
      archive.prediction(2, 1, aPrediction({ project: 'p', predictionId: 'b/0' }), 9);
      const ids = (of: ArchiveOf) => archive.waitingPredictions(of).map(({ predictionId }) => predictionId);
      expect([ids(LIFE), ids({ project: 'p', createdAtMs: 9 })]).toEqual([['a/0'], ['b/0']]);
    },
  );

  it('nothing is added to where one of its name is applied that archives nothing', async () => {
    const { lives, become } = aProject({ isHeld: true });
    const { archive } = stand.start(undefined, { lives });
    become({ project: 'p', createdAtMs: 9 }, false);
    archive.prediction(2, 0, aPrediction({ project: 'p' }), 9);
    become({ project: 'p', createdAtMs: 9 }, true);
    become({ project: 'p', createdAtMs: 9 }, false);
    archive.prediction(2, 1, aPrediction({ project: 'p' }), 10);
    expect([archive.bytes, archive.state(2)?.predictions.next]).toEqual([0, 2]);
  });
});
