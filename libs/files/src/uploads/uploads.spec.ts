import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { FolderUploads } from './upload-files.js';
import { type UploadBounds, Uploads } from './uploads.js';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const BOUNDS: UploadBounds = {
  bytesMax: 100,
  uploadsMax: 3,
  diskBytesMax: 200,
  keepMs: 1_000,
  bytesMaxSetting: 'BYTES_MAX',
};

let folder: string;
let clock: ManualClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-uploads-'));
  clock = new ManualClock(Date.now());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fresh = (bounds: Partial<UploadBounds> = {}) =>
  new Uploads(new FolderUploads(folder), { ...BOUNDS, ...bounds }, clock, sha256);
const fileOf = (text: string, name = 'loans.csv') => ({ name, bytes: text.length, sha256: sha256(text) });

async function* pieces(...texts: (string | Error)[]): AsyncIterable<Uint8Array> {
  for (const text of texts) {
    if (text instanceof Error) throw text;
    yield new TextEncoder().encode(text);
  }
}

async function sent(uploads: Uploads, text: string): Promise<string> {
  const { uploadId } = await uploads.announce('p', fileOf(text));
  await uploads.receive('p', uploadId, 0, pieces(text));
  return uploadId;
}

describe('uploads', () => {
  it('take a file in pieces, and are whole when the hash is right', async () => {
    const uploads = fresh();
    const { uploadId, receivedBytes } = await uploads.announce('p', fileOf('a,b\n1,2\n'));
    expect(receivedBytes).toBe(0);
    expect(await uploads.receive('p', uploadId, 0, pieces('a,', 'b\n'))).toBe(4);
    expect(() => uploads.nameOf('p', uploadId)).toThrow('4 of 8 bytes');
    expect(await uploads.receive('p', uploadId, 4, pieces('1,2\n'))).toBe(8);
    expect(uploads.nameOf('p', uploadId)).toBe('loans.csv');
  });

  it('keep what came before a sender was cut off, over a restart of the process too', async () => {
    const file = fileOf('a,b\n1,2\n');
    const first = fresh();
    const { uploadId } = await first.announce('p', file);
    await expect(first.receive('p', uploadId, 0, pieces('a,b\n1', new Error('gone')))).rejects.toThrow('gone');
    const later = fresh();
    expect(await later.announce('p', file)).toEqual({ uploadId, receivedBytes: 5 });
    await expect(later.receive('p', uploadId, 0, pieces('a'))).rejects.toMatchObject({
      code: 'conflict',
      facts: { receivedBytes: 5 },
    });
    expect(await later.receive('p', uploadId, 5, pieces(',2\n'))).toBe(8);
    await expect(fresh().announce('p', file)).resolves.toEqual({ uploadId, receivedBytes: 8 });
  });

  it('are hashed as they come: the disk is read only for what an earlier process left', async () => {
    const file = fileOf('a,b\n1,2\n3,4\n');
    const first = fresh();
    const { uploadId } = await first.announce('p', file);
    await first.receive('p', uploadId, 0, pieces('a,', 'b\n'));
    const path = join(folder, `${uploadId}.part`);
    // Nobody reads it again in this process, so that it can be told from one that does.
    writeFileSync(path, 'a,c\n');
    expect(await first.receive('p', uploadId, 4, pieces('1,2\n', '3,4\n'))).toBe(12);
    expect(first.nameOf('p', uploadId)).toBe('loans.csv');
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    for (const [left, isWhole] of [
      ['a,b\n', true],
      ['a,c\n', false],
    ] as const) {
      await fresh().announce('p', file);
      writeFileSync(path, left);
      const sending = fresh().receive('p', uploadId, 4, pieces('1', ',2\n3', ',4', '\n'));
      if (isWhole) expect(await sending).toBe(12);
      else await expect(sending).rejects.toThrow('the file changed while it was sent');
      rmSync(path, { force: true });
      rmSync(join(folder, `${uploadId}.json`), { force: true });
    }
  });

  it('begin anew where the hash is another', async () => {
    const uploads = fresh();
    const { uploadId } = await uploads.announce('p', fileOf('right'));
    await expect(uploads.receive('p', uploadId, 0, pieces('wrong'))).rejects.toMatchObject({
      code: 'invalid_argument',
      facts: { receivedBytes: 0 },
    });
    expect(await uploads.receive('p', uploadId, 0, pieces('right'))).toBe(5);
  });

  it('refuse more bytes than were announced, a file too large, and another project', async () => {
    const uploads = fresh();
    const { uploadId } = await uploads.announce('p', fileOf('right'));
    await expect(uploads.receive('p', uploadId, 0, pieces('right', 'more'))).rejects.toThrow('4 too many');
    await expect(uploads.announce('p', { ...fileOf('x'), bytes: 101 })).rejects.toThrow(
      'an upload has at most 100; split the file, or raise BYTES_MAX',
    );
    await expect(uploads.receive('q', uploadId, 5, pieces())).rejects.toMatchObject({ code: 'not_found' });
  });

  it('make room with whole ones that nobody reads, the oldest first, and then refuse', async () => {
    const uploads = fresh();
    const ids: string[] = [];
    for (const text of ['one', 'two', 'six']) {
      ids.push(await sent(uploads, text));
      clock.advance(10);
    }
    uploads.hold(ids[0] as string);
    clock.advance(1_000);
    await uploads.announce('p', fileOf('half'));
    expect(uploads.nameOf('p', ids[0] as string)).toBe('loans.csv');
    expect(() => uploads.nameOf('p', ids[1] as string)).toThrow('announce the file again');
    await uploads.announce('p', fileOf('half a file'));
    await expect(uploads.announce('p', fileOf('one more'))).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('are bounded by their bytes together', async () => {
    const uploads = fresh();
    await uploads.announce('p', { ...fileOf('x'), bytes: 100 });
    await uploads.announce('p', { ...fileOf('y'), bytes: 100 });
    await expect(uploads.announce('p', fileOf('z'))).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('that were announced and never sent bar others for a minute at most, then have room if there is any', async () => {
    const uploads = fresh();
    const [x, y] = [
      { ...fileOf('x'), bytes: 100 },
      { ...fileOf('y'), bytes: 100 },
    ];
    const { uploadId } = await uploads.announce('p', x);
    await uploads.announce('p', y);
    clock.advance(1_000);
    await sent(uploads, 'z');
    expect(await uploads.receive('p', uploadId, 0, pieces('xx'))).toBe(2);
    await expect(uploads.announce('p', y)).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('that are unfinished leave before whole ones, and none leaves where that would not be enough', async () => {
    const uploads = fresh();
    const whole = await sent(uploads, 'w'.repeat(60));
    const held = await sent(uploads, 'h'.repeat(30));
    uploads.hold(held);
    const { uploadId } = await uploads.announce('p', fileOf('unfinished'));
    await uploads.receive('p', uploadId, 0, pieces('un'));
    clock.advance(1_000);
    await uploads.announce('p', { ...fileOf('x'), bytes: 100 });
    await expect(uploads.receive('p', uploadId, 2, pieces('finished'))).rejects.toMatchObject({ code: 'not_found' });
    await expect(uploads.announce('p', { ...fileOf('y'), bytes: 100 })).rejects.toMatchObject({ code: 'overloaded' });
    expect(uploads.nameOf('p', whole)).toBe('loans.csv');
  });

  it('that are whole wait for their import to begin', async () => {
    const uploads = fresh({ uploadsMax: 1 });
    const whole = await sent(uploads, 'one');
    await expect(uploads.announce('p', fileOf('two'))).rejects.toMatchObject({ code: 'overloaded' });
    expect(uploads.nameOf('p', whole)).toBe('loans.csv');
  });

  it('leave when their rows are in a version, or when their time is over', async () => {
    const uploads = fresh();
    const [imported, failed] = [await sent(uploads, 'one'), await sent(uploads, 'two')];
    for (const id of [imported, failed]) uploads.hold(id);
    clock.advance(5_000);
    await uploads.expire();
    await uploads.release(imported, true);
    expect(existsSync(join(folder, `${imported}.part`))).toBe(false);
    await uploads.release(failed, false);
    await uploads.expire();
    expect(uploads.nameOf('p', failed)).toBe('loans.csv');
    clock.advance(1_001);
    expect(await uploads.expire()).toEqual(['loans.csv']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('make no path of a name', async () => {
    const uploads = fresh();
    const { uploadId } = await uploads.announce('p', fileOf('x', '../../etc/\u001b[31mpasswd'));
    await uploads.receive('p', uploadId, 0, pieces('x'));
    expect(uploads.nameOf('p', uploadId)).toBe('[31mpasswd');
    expect(readdirSync(folder).sort()).toEqual([`${uploadId}.json`, `${uploadId}.part`]);
  });

  it('are one where two announce the same file at once', async () => {
    const uploads = fresh();
    const [a, b] = await Promise.all([uploads.announce('p', fileOf('one')), uploads.announce('p', fileOf('one'))]);
    expect(b).toEqual(a);
    expect(await uploads.receive('p', a.uploadId, 0, pieces('one'))).toBe(3);
    expect(uploads.nameOf('p', a.uploadId)).toBe('loans.csv');
  });
});
