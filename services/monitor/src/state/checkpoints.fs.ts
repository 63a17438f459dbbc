// Checkpoints of partition numbers in the artifact store, monitor/<installation>/<number>/<time>-<replica>.json: every
// process that may take a number over can read them, and another installation that has the same store leaves them.

import type { ArtifactStore } from '@millrace/artifacts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { CheckpointEntry } from '../windows/board.js';
import { assembled, type PlacedPieces } from '../windows/number-pieces.js';
import { type NumberState, STATE_FORMAT } from '../windows/number-state.js';
import { filesOf, type Place } from './piece-files.js';

/** Far longer than from a file to its telling, and than clocks of machines differ. */
const ORPHAN_AFTER_MS = 3_600_000;

/** Read at the same time: a bucket answers one after 20 ms. */
const READS = 8;

interface Saved {
  format: number;
  state: PlacedPieces<Place>;
}

export class StoredCheckpoints {
  private made = 0;

  constructor(
    private readonly store: ArtifactStore,
    private readonly replica: string,
    private readonly clock: Clock,
    /** What tells this installation from others. */
    private readonly installation: () => string,
  ) {}

  /** `text`: PlacedPieces as JSON. */
  write(partition: number, text: string): Promise<CheckpointEntry> {
    return this.writePiece(partition, `{"format":${STATE_FORMAT},"state":${text}}`);
  }

  async writePiece(partition: number, text: string): Promise<CheckpointEntry> {
    const path = `${this.folder(partition)}/${this.clock.nowMs()}-${this.made++}-${this.replica}.json`;
    return { path, sha256: await this.store.put(path, text) };
  }

  remove({ path }: CheckpointEntry): Promise<void> {
    return this.store.remove(path);
  }

  /**
   * Removes files of the number that nobody told of, because their writer died or was replaced before it could; young
   * ones may be on their way to be told.
   */
  async sweep(partition: number, told: readonly CheckpointEntry[]): Promise<void> {
    const kept = new Set(told.map(({ path }) => path));
    const folder = this.folder(partition);
    for (const name of await this.store.list(folder)) {
      const path = `${folder}/${name}`;
      const writtenAtMs = Number.parseInt(name, 10);
      if (kept.has(path) || !name.endsWith('.json') || !(writtenAtMs < this.clock.nowMs() - ORPHAN_AFTER_MS)) continue;
      await this.store.remove(path);
    }
  }

  private folder(partition: number): string {
    return `monitor/${this.installation()}/${partition}`;
  }

  /** undefined: of another release, gone or damaged; everything that Kafka still has is counted again. */
  async load({ path, sha256 }: CheckpointEntry): Promise<NumberState | undefined> {
    try {
      const saved = JSON.parse((await this.store.read(path, sha256)).toString('utf8')) as Saved;
      if (saved.format !== STATE_FORMAT) return undefined;
      const files = filesOf(saved.state);
      const values = new Map<string, unknown>();
      for (let from = 0; from < files.length; from += READS) {
        const read = files.slice(from, from + READS).map(async (file) => {
          const bytes = await this.store.read(file.path, file.sha256);
          values.set(file.path, JSON.parse(bytes.toString('utf8')));
        });
        await Promise.all(read);
      }
      return assembled(saved.state, (place) => ('file' in place ? values.get(place.file.path) : place.value));
    } catch (error) {
      if (error instanceof PlatformError && (error.code === 'not_found' || error.code === 'corrupt')) return undefined;
      throw error;
    }
  }
}
