// Checkpoints of partition numbers in the artifact store, monitor/<number>/<time>-<replica>.json: every process that
// may take a number over can read them.

import type { ArtifactStore } from '@millrace/artifacts';
import { type Clock, PlatformError } from '@millrace/domain';
import type { CheckpointEntry } from '../windows/board.js';
import { type NumberState, STATE_FORMAT } from '../windows/number-state.js';

/** Far longer than from a file to its telling, and than clocks of machines differ. */
const ORPHAN_AFTER_MS = 3_600_000;

interface Saved {
  format: number;
  state: NumberState;
}

export class StoredCheckpoints {
  private made = 0;

  constructor(
    private readonly store: ArtifactStore,
    private readonly replica: string,
    private readonly clock: Clock,
  ) {}

  /** `text`: a NumberState as JSON. */
  async write(partition: number, text: string): Promise<CheckpointEntry> {
    const path = `monitor/${partition}/${this.clock.nowMs()}-${this.made++}-${this.replica}.json`;
    const sha256 = await this.store.put(path, `{"format":${STATE_FORMAT},"state":${text}}`);
    return { path, sha256 };
  }

  remove({ path }: CheckpointEntry): Promise<void> {
    return this.store.remove(path);
  }

  /**
   * Removes files of the number that nobody told of, because their writer died or was replaced before it could; young
   * ones may be on their way to be told.
   */
  async sweep(partition: number, told: CheckpointEntry): Promise<void> {
    for (const name of await this.store.list(`monitor/${partition}`)) {
      const path = `monitor/${partition}/${name}`;
      const writtenAtMs = Number.parseInt(name, 10);
      if (path === told.path || !name.endsWith('.json') || !(writtenAtMs < this.clock.nowMs() - ORPHAN_AFTER_MS))
        continue;
      await this.store.remove(path);
    }
  }

  /** undefined: of another release, gone or damaged; everything that Kafka still has is counted again. */
  async load({ path, sha256 }: CheckpointEntry): Promise<NumberState | undefined> {
    try {
      const saved = JSON.parse((await this.store.read(path, sha256)).toString('utf8')) as Saved;
      return saved.format === STATE_FORMAT ? saved.state : undefined;
    } catch (error) {
      if (error instanceof PlatformError && (error.code === 'not_found' || error.code === 'corrupt')) return undefined;
      throw error;
    }
  }
}
