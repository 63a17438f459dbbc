// Finds a prediction in the archive by its id, with the labels that came for it, and says what was looked through: what
// this process has read and not written yet, then the files of all processes, the newest first. Pure but for awaiting
// its port. Files that are merged or taken away meanwhile are looked for again.

import { PlatformError } from '@millrace/domain';
import { neededFiles } from './archive.js';
import type { ArchiveFile, ArchiveKind, ArchiveOf } from './archive-file.js';
import type { ArchivedLabel, ArchivedPrediction } from './archived.js';

export interface SearchedFiles {
  list(of: ArchiveOf): Promise<ArchiveFile[]>;
  predictions(files: readonly ArchiveFile[], ids: readonly string[]): Promise<ArchivedPrediction[]>;
  labels(files: readonly ArchiveFile[], ids: readonly string[]): Promise<ArchivedLabel[]>;
}

/** Rows of this process that are in no file yet, of a prediction. */
export interface Unwritten {
  predictions(of: ArchiveOf, id: string): readonly ArchivedPrediction[];
  labels(of: ArchiveOf, id: string): readonly ArchivedLabel[];
}

export interface Looked {
  files: number;
  predictions: number;
  /** When the oldest and the newest of all archived predictions were written; null: there is none. */
  fromMs: number | null;
  toMs: number | null;
}

export interface Found {
  /** Newest first: a client may have used its request id for several. */
  predictions: ArchivedPrediction[];
  /** In the order in which they came. */
  labels: ArchivedLabel[];
  looked: Looked;
}

/** Files whose event times are this near to the one that is asked for are looked through. */
const AROUND_MS = 86_400_000;

/** Of one search: each lists the files anew. */
const TRIES_MAX = 4;

export class ArchiveSearch {
  constructor(
    private readonly files: SearchedFiles,
    private readonly unwritten: Unwritten,
  ) {}

  /**
   * `aroundMs`: event time, where it is known: other files are passed over.
   * @throws PlatformError 'unavailable'.
   */
  async find(of: ArchiveOf, id: string, aroundMs: number | undefined): Promise<Found> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.findOnce(of, id, aroundMs);
      } catch (error) {
        const { code, reason } = PlatformError.from(error, 'unavailable');
        if (code !== 'not_found' && code !== 'unavailable') throw error;
        // What is not found is a file: of the prediction that says nothing.
        if (tries === TRIES_MAX)
          throw new PlatformError('unavailable', `the archive cannot be read: ${reason}`, { cause: error });
      }
    }
  }

  private async findOnce(of: ArchiveOf, id: string, aroundMs: number | undefined): Promise<Found> {
    // Before the files are listed: what is written meanwhile is in one of the two.
    const fresh = this.unwritten.predictions(of, id);
    const freshLabels = this.unwritten.labels(of, id);
    const all = neededFiles(await this.files.list(of));
    const near = aroundMs === undefined ? all : all.filter((file) => isNear(file, aroundMs));
    const kind = (wanted: ArchiveKind) => near.filter((file) => file.kind === wanted);
    const [predictions, labels] = [kind('predictions'), kind('labels')];
    const written = await this.files.predictions(predictions, [id]);
    const ofLabels = await this.files.labels(labels, [id]);
    const ofAll = all.filter((file) => file.kind === 'predictions');
    return {
      predictions: once([...written, ...fresh]).sort((a, b) => b.answeredAtMs - a.answeredAtMs),
      labels: once([...ofLabels, ...freshLabels]).sort((a, b) => a.knownAtMs - b.knownAtMs),
      looked: {
        files: predictions.length,
        predictions: predictions.reduce((sum, { rows }) => sum + rows, 0),
        fromMs: ofAll.length === 0 ? null : Math.min(...ofAll.map(({ writtenFromMs }) => writtenFromMs)),
        toMs: ofAll.length === 0 ? null : Math.max(...ofAll.map(({ writtenToMs }) => writtenToMs)),
      },
    };
  }
}

const isNear = ({ fromMs, toMs }: ArchiveFile, atMs: number) => atMs >= fromMs - AROUND_MS && atMs <= toMs + AROUND_MS;

/** A row may have been written while it was looked for. */
function once<Row extends { partition: number; offset: number }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [`${row.partition}/${row.offset}`, row])).values()];
}
