import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type EngineState, STATE_FORMAT } from '../windows/engine.js';
import { FolderStateStore } from './state-store.fs.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const state = {
  format: STATE_FORMAT,
  positions: [{ stream: 'labels', partition: 2, next: 7 }],
  projects: [],
  outbox: [],
} as EngineState;
const line = (startMs: number, rows = 0) =>
  `${JSON.stringify({ kind: 'window', project: 'p', startMs, endMs: startMs + 1, metrics: [], drift: [], rows })}\n`;

async function savedIn(store: FolderStateStore) {
  const loaded = await store.load();
  if (loaded.kind !== 'saved') throw new Error(loaded.kind);
  return loaded;
}

describe('FolderStateStore', () => {
  it('is empty at first, then gives back what was written', async () => {
    const store = new FolderStateStore(join(folder, 'monitor'));
    expect(await store.load()).toEqual({ kind: 'absent' });
    await store.appendHistory(line(1));
    await store.writeSnapshot(JSON.stringify(state));
    expect(await store.load()).toMatchObject({ kind: 'saved', state, history: [{ startMs: 1 }] });
  });

  it('cuts off a torn last line and keeps the later of two records', async () => {
    const store = new FolderStateStore(folder);
    await store.writeSnapshot(JSON.stringify(state));
    await store.appendHistory(line(1, 10) + line(2) + line(1, 11));
    await appendFile(join(folder, 'history.jsonl'), '{"kind":"win');
    const loaded = await savedIn(store);
    expect(loaded.history).toMatchObject([{ startMs: 1, rows: 11 }, { startMs: 2 }]);
    expect((await readFile(join(folder, 'history.jsonl'), 'utf8')).endsWith('}\n')).toBe(true);
  });

  it('sets aside what another release saved, says so, and begins afresh', async () => {
    const store = new FolderStateStore(folder);
    // As release 0.1.0 wrote it: by model version.
    const former = { format: 1, positions: [{ stream: 'labels', partition: 2, next: 7 }], projects: [], outbox: [] };
    await writeFile(join(folder, 'checkpoint.json'), JSON.stringify(former));
    await writeFile(join(folder, 'history.jsonl'), line(1));
    expect(await store.load()).toMatchObject({ kind: 'other_format', reason: expect.stringContaining('has format 1') });
    expect((await readdir(folder)).sort()).toEqual(['checkpoint.json.format-1', 'history.jsonl.format-1']);
    expect(await store.load()).toEqual({ kind: 'absent' });
    await store.writeSnapshot(JSON.stringify(state));
    expect(await store.load()).toMatchObject({ kind: 'saved', history: [] });
  });

  it('refuses a checkpoint that is none', async () => {
    await writeFile(join(folder, 'checkpoint.json'), 'half');
    await expect(new FolderStateStore(folder).load()).rejects.toThrow('not JSON');
  });

  it('forgets the oldest history past its bound', async () => {
    const store = new FolderStateStore(folder, 2_000);
    await store.writeSnapshot(JSON.stringify(state));
    for (let i = 0; i < 60; i++) await store.appendHistory(line(i));
    const loaded = await savedIn(store);
    expect(loaded.history.length).toBeLessThan(30);
    expect(loaded.history[loaded.history.length - 1]).toMatchObject({ startMs: 59 });
    expect((await readFile(join(folder, 'history.jsonl'))).length).toBeLessThan(2_000);
  });
});
