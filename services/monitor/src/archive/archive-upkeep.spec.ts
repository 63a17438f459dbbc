import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import type { HoldProgress } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { ArchiveStand, LIFE } from '../../test/an-archive.js';
import { pathOf } from './archive-file.js';
import { ArchiveHolds } from './archive-holds.js';
import { ArchiveUpkeep, type UpkeepRules } from './archive-upkeep.js';
import { DeletedArchives } from './deleted-archives.js';

const DAY_MS = 86_400_000;
const NO_HOLDS = { holdsKnown: async () => undefined, heldFromMs: () => undefined };

let stand: ArchiveStand;
beforeEach(async () => {
  stand = await ArchiveStand.open();
});
afterEach(() => stand.close());

/** Files of 100 rows each, written one after the other. */
async function written(files: number) {
  const process = stand.start();
  for (let i = 0; i < files; i++) {
    process.read(100 * i, 100 * i + 100);
    await process.archive.flush();
  }
  const upkeep = (
    part: {
      keepMs?: number;
      bytesMax?: number;
      isHeld?: boolean;
      judges?: boolean;
      clock?: Clock;
      holds?: Pick<UpkeepRules, 'holdsKnown' | 'heldFromMs'>;
    } = {},
  ) => {
    const {
      keepMs = 30 * DAY_MS,
      bytesMax = 1e9,
      isHeld = true,
      judges = true,
      clock = stand.clock,
      holds = NO_HOLDS,
    } = part;
    const cuts: number[] = [];
    const failed: (readonly string[])[] = [];
    const rules = {
      projects: () => [{ ...LIFE, keepMs, bytesMax }],
      isHeld: () => isHeld,
      judges: () => judges,
      ...holds,
      cut: (_of: unknown, rows: number) => void cuts.push(rows),
      failed: (_of: unknown, files: readonly string[]) => void failed.push(files),
    };
    const own = new ArchiveUpkeep(process.files, rules, clock);
    return { once: () => own.once(), cuts, failed };
  };
  const files_ = async () => (await process.files.list(LIFE)).filter(({ kind }) => kind === 'predictions');
  return { ...process, upkeep, listed: files_ };
}

describe('upkeep of the archive', () => {
  it('makes few files of many, with the same rows, and a day that is over one file', async () => {
    const { upkeep, listed, search } = await written(20);
    await upkeep().once();
    expect((await listed()).map(({ level }) => level).sort()).toEqual([0, 0, 0, 0, 1]);
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual([2_000, 2_000]);
    stand.clock.advance(DAY_MS);
    await upkeep().once();
    expect(await listed()).toMatchObject([{ first: 0, next: 2_000, rows: 2_000, level: 2 }]);
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual([2_000, 2_000]);
    expect((await search.find(LIFE, 'r1234/0', undefined)).predictions).toMatchObject([{ offset: 1_234 }]);
  });

  it('leaves files of numbers that another process holds', async () => {
    const { upkeep, listed } = await written(16);
    await upkeep({ isHeld: false }).once();
    expect(await listed()).toHaveLength(16);
  });

  it('takes away what a merged file holds, where it died between the two', async () => {
    const { files, upkeep, listed } = await written(16);
    await files.merge((await listed()).sort((a, b) => a.first - b.first));
    expect(await listed()).toHaveLength(17);
    await upkeep().once();
    expect(await listed()).toMatchObject([{ rows: 1_600 }]);
  });

  it('writes rows once that a replaced process wrote, too', async () => {
    const { archive, listed, upkeep } = await written(1);
    const told = archive.state(2);
    const zombie = stand.start(told);
    const successor = stand.start(told);
    zombie.read(100, 180);
    successor.read(100, 150);
    // Neither knows of the other's file when it looks.
    await Promise.all([zombie.archive.flush(), successor.archive.flush()]);
    successor.read(150, 220);
    await successor.archive.flush();
    await upkeep().once();
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual([220, 220]);
    expect((await listed()).reduce((sum, { rows }) => sum + rows, 0)).toBe(220);
  });

  it('takes away what is older than the project keeps', async () => {
    const { upkeep, read, archive, search } = await written(2);
    stand.clock.advance(10 * DAY_MS);
    read(200, 300);
    await archive.flush();
    await upkeep({ keepMs: 5 * DAY_MS }).once();
    expect(await stand.sql('count(*), min(topic_offset)')).toEqual([100, 200]);
    const found = await search.find(LIFE, 'r1/0', undefined);
    expect(found).toMatchObject({ predictions: [], looked: { files: 1, predictions: 100 } });
    expect(found.looked.fromMs).toBe(stand.clock.nowMs() + 200);
  });

  it('takes nothing away because a clock jumped ahead; time that passes counts', async () => {
    const { upkeep, listed } = await written(2);
    const startMs = stand.clock.nowMs();
    const wall = { jumpedMs: 400 * DAY_MS, passedMs: 0 };
    const clock = {
      nowMs: () => startMs + wall.jumpedMs + wall.passedMs,
      monotonicMs: () => wall.passedMs,
    };
    const { once } = upkeep({ keepMs: 5 * DAY_MS, isHeld: false, clock });
    await once();
    wall.passedMs = 4 * DAY_MS;
    await once();
    expect(await listed()).toHaveLength(2);
    wall.passedMs = 6 * DAY_MS;
    await once();
    expect(await listed()).toEqual([]);
  });

  it('bounds a project, and merges other logs, though a file is damaged, which it names', async () => {
    const { upkeep, listed, archive, read } = await written(17);
    const [bad] = (await listed()).sort((a, b) => a.first - b.first);
    await writeFile(join(stand.home, 'artifacts', pathOf(bad!)), 'no Parquet');
    stand.clock.advance(10 * DAY_MS);
    read(1_700, 1_800);
    await archive.flush();
    const { once, failed } = upkeep();
    await once();
    expect(failed).toEqual([expect.arrayContaining([pathOf(bad!)])]);
    // Labels are another log.
    expect(await stand.sql('count(DISTINCT filename)', 'labels')).toEqual([2]);
    const bound = upkeep({ keepMs: 5 * DAY_MS });
    await bound.once();
    expect((await listed()).map(({ first }) => first)).toEqual([1_700]);
    expect(bound.failed).toEqual([]);
  });

  it('takes away what a merged file holds before that one', async () => {
    const { files, upkeep, listed } = await written(3);
    await files.merge((await listed()).sort((a, b) => a.first - b.first));
    await upkeep({ bytesMax: 1, isHeld: false }).once();
    expect(await files.list(LIFE)).toEqual([]);
    expect(await files.cut(LIFE)).toMatchObject({ predictions: 300, labels: 300 });
  });

  it('takes away the oldest where they take more than the quota, and says so', async () => {
    const { upkeep, files, listed } = await written(3);
    const bytes = (await files.list(LIFE)).reduce((sum, file) => sum + file.bytes, 0);
    const { once, cuts } = upkeep({ bytesMax: (bytes * 2) / 3 + 10 });
    await once();
    expect((await listed()).map(({ first }) => first)).toEqual([100, 200]);
    const cut = await files.cut(LIFE);
    expect(cut).toEqual({ throughMs: stand.clock.nowMs() + 99, predictions: 100, labels: 100 });
    expect(cuts).toEqual([200]);
    await once();
    expect(await files.cut(LIFE)).toEqual(cut);
  });

  it('leaves the bounds of a project to its judge', async () => {
    const { upkeep, listed } = await written(2);
    await upkeep({ bytesMax: 1, judges: false }).once();
    expect(await listed()).toHaveLength(2);
  });
});

/** What progress.v1 says; `known`: what a reader knows of it. */
function someHolds() {
  const told: HoldProgress[] = [];
  const known = new ArchiveHolds((_project, version) => (version === 7 ? stand.clock.nowMs() + 100 : undefined));
  const holdsKnown = async () => {
    for (const hold of told) known.put(hold);
  };
  const add = (part: Partial<HoldProgress>): HoldProgress => {
    const none = { dataset: '', model: 0, removedAtMs: 0, removedBy: '', removedReason: '' };
    const said = { id: 'h1', project: 'p', reason: 'a case', by: 'ann', atMs: stand.clock.nowMs() };
    const hold: HoldProgress = { kind: 'hold', ...none, ...said, ...part };
    told.push(hold);
    return hold;
  };
  return { add, known, rules: { holdsKnown, heldFromMs: (project: string) => known.heldFromMs(project) } };
}

describe('what a legal hold names, of which the archive took what was old, and all of a deleted project', () => {
  it('stays, whatever its age and the quota, until the hold is taken off', async () => {
    const { upkeep, listed } = await written(3);
    const { add, known, rules } = someHolds();
    // Written a moment ago, and not read yet.
    add({});
    stand.clock.advance(400 * DAY_MS);
    const { once, cuts } = upkeep({ bytesMax: 1, keepMs: 0, isHeld: false, holds: rules });
    await once();
    expect([(await listed()).length, cuts]).toEqual([3, []]);
    expect(known.reasonOf('p')).toBe('hold h1: a case');
    add({ removedAtMs: 1 });
    await once();
    expect([await listed(), known.reasonOf('p')]).toEqual([[], null]);
  });

  it('stays from when the hold is read, also where files were going already', async () => {
    const { upkeep } = await written(3);
    let asked = 0;
    // Asked for which go, and for the first of them.
    const heldFromMs = () => (asked++ < 2 ? undefined : Number.NEGATIVE_INFINITY);
    stand.clock.advance(400 * DAY_MS);
    await upkeep({ keepMs: 0, isHeld: false, holds: { holdsKnown: async () => undefined, heldFromMs } }).once();
    // Whose they are, and all but the first of six.
    expect(await stand.store.list('archive/p/5')).toHaveLength(6);
  });

  it('is of a model version what was written since it was made', async () => {
    const { upkeep, listed } = await written(3);
    const { add, rules } = someHolds();
    add({ model: 7 });
    await upkeep({ bytesMax: 1, holds: rules }).once();
    expect((await listed()).map(({ first }) => first)).toEqual([100, 200]);
  });

  it.each<Partial<HoldProgress>>([{ dataset: 'd' }, { project: 'q' }])('is nothing of what %j names', async (part) => {
    const { upkeep, listed } = await written(1);
    const { add, rules } = someHolds();
    add(part);
    await upkeep({ bytesMax: 1, holds: rules }).once();
    expect(await listed()).toEqual([]);
  });

  it('outlives its project, and goes with the hold, also where that is read after a restart', async () => {
    await written(1);
    const { add, rules } = someHolds();
    add({});
    const sweeper = () =>
      new DeletedArchives(
        stand.store,
        () => undefined,
        () => true,
        rules,
        () => 'here',
        stand.clock,
      );
    const before = sweeper();
    before.removed('p');
    await before.sweep();
    expect(await stand.store.list('archive/p/5')).toHaveLength(3);
    const taken = add({ removedAtMs: stand.clock.nowMs() });
    const after = sweeper();
    after.holdChanged(taken);
    await after.sweep();
    expect(await stand.store.list('archive')).toEqual([]);
  });
});

describe('archives of deleted projects', () => {
  it('go, and those of the project that has the name now stay', async () => {
    await written(1);
    const now = { project: 'p', createdAtMs: 9 };
    const later = stand.start(undefined, { life: now });
    later.read(0, 10);
    await later.archive.flush();
    let life: typeof now | undefined = now;
    const deleted = new DeletedArchives(
      stand.store,
      () => life,
      () => true,
      NO_HOLDS,
      () => 'here',
      stand.clock,
    );
    await deleted.sweep();
    expect(await stand.store.list('archive/p/5')).toEqual([]);
    expect(await stand.store.list('archive/p/9')).toHaveLength(3);
    life = undefined;
    await deleted.sweep();
    expect(await stand.store.list('archive/p/9')).toHaveLength(3);
    deleted.removed('p');
    await deleted.sweep();
    expect(await stand.store.list('archive')).toEqual([]);
  });

  it('go with whoever judges their project later: a judge that changed meanwhile left them there for ever', async () => {
    await written(1);
    let judges = false;
    const deleted = new DeletedArchives(
      stand.store,
      () => undefined,
      () => judges,
      NO_HOLDS,
      () => 'here',
      stand.clock,
    );
    deleted.removed('p');
    await deleted.sweep();
    judges = true;
    deleted.assigned();
    await deleted.sweep();
    expect(await stand.store.list('archive')).toEqual([]);
  });

  it('say whose they are where something is written after they went: it stayed for ever', async () => {
    const { archive, files, read } = await written(1);
    const deleted = new DeletedArchives(
      stand.store,
      () => undefined,
      () => true,
      NO_HOLDS,
      () => 'here',
      stand.clock,
    );
    deleted.removed('p');
    await deleted.sweep();
    files.disowned('archive/p');
    read(100, 200);
    await archive.flush();
    expect(await stand.store.list('archive/p/5')).toHaveLength(3);
    deleted.assigned();
    await deleted.sweep();
    expect(await stand.store.list('archive')).toEqual([]);
  });

  it('say so where they went while something was written', async () => {
    const store = openArtifactStore({ home: stand.home });
    const { archive, files, read } = stand.start(undefined, { store });
    const putFile = store.putFile.bind(store);
    store.putFile = async (path, local) => {
      await stand.store.remove('archive/p/5');
      files.disowned('archive/p');
      return putFile(path, local);
    };
    read(0, 100);
    await archive.flush();
    expect(await stand.store.list('archive/p/5')).toContain('installation.json');
  });

  it('stay where nothing was read of their project: it may be of another installation', async () => {
    await written(1);
    const other = new DeletedArchives(
      stand.store,
      () => undefined,
      () => true,
      NO_HOLDS,
      () => 'here',
      stand.clock,
    );
    await other.sweep();
    other.removed('q');
    await other.sweep();
    const older = new DeletedArchives(
      stand.store,
      () => ({ project: 'p', createdAtMs: 4 }),
      () => true,
      NO_HOLDS,
      () => 'here',
      stand.clock,
    );
    await older.sweep();
    expect(await stand.store.list('archive/p/5')).toHaveLength(3);
  });

  it('stay where another installation has written them, which has a project of the name in the same store', async () => {
    await written(1);
    const there = new DeletedArchives(
      stand.store,
      () => ({ project: 'p', createdAtMs: 9 }),
      () => true,
      NO_HOLDS,
      () => 'there',
      stand.clock,
    );
    await there.sweep();
    there.removed('p');
    await there.sweep();
    expect(await stand.store.list('archive/p/5')).toHaveLength(3);
  });
});
