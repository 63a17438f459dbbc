import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { EngineState } from '../windows/engine.js';
import { FolderStateStore } from './state-store.fs.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-state-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const state = {
  format: 1,
  positions: [{ stream: 'labels', partition: 2, next: 7 }],
  projects: [],
  outbox: [],
} as EngineState;
const line = (startMs: number, rows = 0) =>
  `${JSON.stringify({ kind: 'window', project: 'p', startMs, endMs: startMs + 1, metrics: [], drift: [], rows })}\n`;

describe('FolderStateStore', () => {
  it('is empty at first, then gives back what was written', async () => {
    const store = new FolderStateStore(join(folder, 'monitor'));
    expect(await store.load()).toBeUndefined();
    await store.appendHistory(line(1));
    await store.writeSnapshot(JSON.stringify(state));
    expect(await store.load()).toMatchObject({ state, history: [{ startMs: 1 }] });
  });

  it('cuts off a torn last line and keeps the later of two records', async () => {
    const store = new FolderStateStore(folder);
    await store.writeSnapshot(JSON.stringify(state));
    await store.appendHistory(line(1, 10) + line(2) + line(1, 11));
    await appendFile(join(folder, 'history.jsonl'), '{"kind":"win');
    const loaded = await store.load();
    expect(loaded?.history).toMatchObject([{ startMs: 1, rows: 11 }, { startMs: 2 }]);
    expect((await readFile(join(folder, 'history.jsonl'), 'utf8')).endsWith('}\n')).toBe(true);
  });

  it('refuses a checkpoint that is not its own', async () => {
    const store = new FolderStateStore(folder);
    await writeFile(join(folder, 'checkpoint.json'), '{"format":9}');
    await expect(store.load()).rejects.toThrow('format 9');
    await writeFile(join(folder, 'checkpoint.json'), 'half');
    await expect(store.load()).rejects.toThrow('not JSON');
  });

  it('forgets the oldest history past its bound', async () => {
    const store = new FolderStateStore(folder, 2_000);
    await store.writeSnapshot(JSON.stringify(state));
    for (let i = 0; i < 60; i++) await store.appendHistory(line(i));
    const loaded = await store.load();
    expect(loaded?.history.length).toBeLessThan(30);
    expect(loaded?.history[loaded.history.length - 1]).toMatchObject({ startMs: 59 });
    expect((await readFile(join(folder, 'history.jsonl'))).length).toBeLessThan(2_000);
  });
});
