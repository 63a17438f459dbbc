import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ArchiveStand, LIFE } from '../../test/an-archive.js';
import { ArchiveUpkeep } from './archive-upkeep.js';
import { DeletedArchives } from './deleted-archives.js';

const DAY_MS = 86_400_000;

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
  const upkeep = (part: { keepMs?: number; bytesMax?: number; isHeld?: boolean; judges?: boolean } = {}) => {
    const { keepMs = 30 * DAY_MS, bytesMax = 1e9, isHeld = true, judges = true } = part;
    const cuts: number[] = [];
    const rules = {
      projects: () => [{ ...LIFE, keepMs, bytesMax }],
      isHeld: () => isHeld,
      judges: () => judges,
      cut: (_of: unknown, rows: number) => void cuts.push(rows),
    };
    return { once: () => new ArchiveUpkeep(process.files, rules, stand.clock).once(), cuts };
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
    );
    await deleted.sweep();
    expect(await stand.store.list('archive/p/5')).toEqual([]);
    expect(await stand.store.list('archive/p/9')).toHaveLength(2);
    life = undefined;
    await deleted.sweep();
    expect(await stand.store.list('archive/p/9')).toHaveLength(2);
    deleted.removed();
    await deleted.sweep();
    expect(await stand.store.list('archive')).toEqual([]);
  });
});
