// An archive over a store of its own, as one process after the other has it: what is in memory is gone when it dies.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type ArtifactStore, openArtifactStore } from '@millrace/artifacts';
import { ManualClock } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { Archive, type ArchiveState } from '../src/archive/archive.js';
import type { ArchiveOf } from '../src/archive/archive-file.js';
import { DuckDbArchiveFiles } from '../src/archive/archive-files.duckdb.js';
import { ArchiveSearch } from '../src/archive/archive-search.js';
import { ArchivedLives } from '../src/archive/archived-lives.js';

export const LIFE: ArchiveOf = { project: 'p', createdAtMs: 5 };
const holdsKnown = async () => undefined;
const FROM_START = { predictions: 0, labels: 0 };

export class ArchiveStand {
  readonly clock = new ManualClock(Date.UTC(2026, 10, 29, 12));
  readonly failures: unknown[] = [];
  readonly lost: string[] = [];
  private readonly opened: DuckDbArchiveFiles[] = [];

  private constructor(
    readonly home: string,
    readonly store: ArtifactStore,
  ) {}

  static async open(): Promise<ArchiveStand> {
    const home = await mkdtemp(join(tmpdir(), 'millrace-archive-'));
    return new ArchiveStand(home, openArtifactStore({ home }));
  }

  async close(): Promise<void> {
    for (const files of this.opened) await files.close();
    await rm(this.home, { recursive: true, force: true });
  }

  /** A process that holds partition 2. `state`: of its checkpoint. */
  start(
    state?: ArchiveState,
    part: { bytesMax?: number; end?: number; store?: ArtifactStore; life?: ArchiveOf; lives?: ArchivedLives } = {},
  ) {
    const { bytesMax = 1_000_000, end = Number.POSITIVE_INFINITY, store = this.store, life = LIFE } = part;
    const scratch = join(this.home, `scratch-${this.opened.length}`);
    const files = new DuckDbArchiveFiles(store, { scratch, memoryMax: '128MB', installation: () => 'here' });
    this.opened.push(files);
    const archived = (project: string) => (project === life.project ? life : undefined);
    const lives = part.lives ?? new ArchivedLives(archived, archived, { holdsKnown, heldFromMs: () => undefined });
    const archive = new Archive(
      { bytesMax, flushAfterMs: 30_000 },
      {
        files,
        archives: (project, writtenAtMs) => lives.of(project, writtenAtMs),
        keeps: (of) => lives.keeps(of),
        end: () => end,
        written: () => undefined,
        failed: (error) => void this.failures.push(error),
        lost: (kind, rows) => void this.lost.push(`${rows} ${kind}`),
      },
      this.clock,
    );
    archive.hold(2, state, FROM_START);
    const search = new ArchiveSearch(files, {
      predictions: (of, id) => archive.waitingPredictions(of, id),
      labels: (of, id) => archive.waitingLabels(of, id),
    });
    const read = (from: number, to: number) => {
      for (let offset = from; offset < to; offset++) {
        const atMs = this.clock.nowMs() + offset;
        const id = { project: LIFE.project, predictionId: `r${offset}/0`, eventTimeMs: atMs };
        archive.prediction(2, offset, aPrediction({ ...id, answeredAtMs: atMs, features: [offset, 'a'] }), atMs);
        archive.label(2, offset, aLabel({ ...id, recordId: `r${offset}`, value: offset % 2 }), atMs);
      }
    };
    return { archive, files, search, read };
  }

  /** As any program reads the folder: figures of `select` over all files of a kind. */
  async sql(select: string, kind = 'predictions'): Promise<unknown[]> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      const folder = join(this.home, 'artifacts/archive/p/5', kind);
      const reader = await connection.runAndReadAll(`SELECT ${select} FROM '${folder}/**/*.parquet'`);
      return (reader.getRows()[0] ?? []).map((value) => (typeof value === 'bigint' ? Number(value) : value));
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
}
