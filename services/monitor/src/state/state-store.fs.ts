// The monitor's state in <home>/monitor: checkpoint.json (replaced whole) and
// history.jsonl (one finished window or quality record a line, appended and synced; a torn last line is cut off on
// load, the older half goes when it has grown past its bound).

import { mkdir, open, readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { readJson, replaceFile } from '@millrace/files';
import { type EngineState, STATE_FORMAT } from '../windows/engine.js';
import { type HistoryRecord, lastOfEach } from '../windows/history.js';
import type { LoadedState, StateStore } from './checkpoint.js';

/** Some 5,000 closed windows; past it the older half is forgotten at the next start. */
const HISTORY_BYTES_MAX = 64 * 1_048_576;

export class FolderStateStore implements StateStore {
  private readonly snapshotPath: string;
  private readonly historyPath: string;

  constructor(
    private readonly folder: string,
    private readonly historyBytesMax: number = HISTORY_BYTES_MAX,
  ) {
    this.snapshotPath = join(folder, 'checkpoint.json');
    this.historyPath = join(folder, 'history.jsonl');
  }

  async load(): Promise<LoadedState> {
    await mkdir(this.folder, { recursive: true });
    const read = await readJson(this.snapshotPath);
    if (read.kind === 'corrupt') throw read.error;
    const state = read.kind === 'absent' ? undefined : (read.value as EngineState);
    if (state !== undefined && state.format !== STATE_FORMAT) return this.setAside(state.format);
    const history = await this.loadHistory();
    return state === undefined ? { kind: 'absent' } : { kind: 'saved', state, history };
  }

  /**
   * What another release wrote is moved out of the way, because it cannot be counted on from: everything that Kafka
   * still has is counted again instead. The files stay, for that release.
   */
  private async setAside(format: unknown): Promise<LoadedState> {
    const suffix = `.format-${String(format)
      .slice(0, 16)
      .replace(/[^\w-]/g, '_')}`;
    for (const path of [this.historyPath, this.snapshotPath]) {
      await rename(path, `${path}${suffix}`).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw PlatformError.from(error, 'unavailable');
      });
    }
    const reason = `${this.snapshotPath} has format ${String(format)}, this monitor reads ${STATE_FORMAT}: it lies there as *${suffix}`;
    return { kind: 'other_format', reason };
  }

  async appendHistory(lines: string): Promise<void> {
    const file = await open(this.historyPath, 'a');
    try {
      await file.appendFile(lines);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  writeSnapshot(text: string): Promise<void> {
    return replaceFile(this.snapshotPath, text);
  }

  private async loadHistory(): Promise<HistoryRecord[]> {
    const bytes = await readFile(this.historyPath).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return Buffer.alloc(0);
      throw PlatformError.from(error, 'unavailable');
    });
    const whole = bytes.lastIndexOf(0x0a) + 1;
    if (whole < bytes.length) await truncate(this.historyPath, whole);
    const records: HistoryRecord[] = [];
    for (const line of bytes.subarray(0, whole).toString('utf8').split('\n')) {
      if (line !== '') records.push(JSON.parse(line) as HistoryRecord);
    }
    const latest = lastOfEach(records);
    return bytes.length > this.historyBytesMax ? this.shorten(latest) : latest;
  }

  /** Rewrites the history with its newest records, half of what it may hold. */
  private async shorten(records: readonly HistoryRecord[]): Promise<HistoryRecord[]> {
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    let from = lines.length;
    for (let kept = 0; from > 0; from--) {
      kept += (lines[from - 1] as string).length;
      if (kept > this.historyBytesMax / 2) break;
    }
    await replaceFile(this.historyPath, lines.slice(from).join(''));
    return records.slice(from);
  }
}
