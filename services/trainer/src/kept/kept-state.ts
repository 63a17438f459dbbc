// What the trainer keeps for whoever is at work next: the state of each loop and the requests that have not ended, as
// trainer.v1 says them. Read by every trainer, written by the one at work.

import type { TrainerEntry } from '@millrace/contracts';
import type { TrainingRequest } from '@millrace/domain';
import type { LoopStore } from '../loop/loop-runner.js';
import { initialLoopState, type LoopState } from '../loop/loop-state.js';
import type { RequestStore } from '../training/kept-requests.js';
import type { KeptRequest } from '../training/runner.js';

/** Requests taken up again; far above what the queue admits. */
const KEPT_MAX = 64;

/** Durable when it resolves; null removes. */
export type WriteEntry = (key: string, entry: TrainerEntry | null) => Promise<void>;

/** States that release 0.1.0 left in files; a state that was written since is newer. */
export type EarlierLoops = Pick<LoopStore, 'load' | 'remove'>;

export class KeptState implements LoopStore, RequestStore {
  private readonly loops = new Map<string, TrainerEntry>();
  private readonly requests = new Map<string, TrainerEntry>();
  /** Projects whose states this process has written; their earlier files are gone. */
  private readonly written = new Set<string>();

  constructor(
    private readonly put: WriteEntry,
    private readonly earlier: EarlierLoops,
  ) {}

  /** An entry of the topic. */
  told(key: string, entry: TrainerEntry | null): void {
    const entries = key.includes('/') ? this.requests : this.loops;
    if (entry === null) entries.delete(key);
    else entries.set(key, entry);
  }

  async load(project: string, createdAtMs: number): Promise<LoopState | null> {
    const entry = this.loops.get(project);
    if (entry === undefined) return this.earlier.load(project, createdAtMs);
    if (entry.projectCreatedAtMs !== createdAtMs) return null;
    // Fields that a later release added have their initial value.
    return { ...initialLoopState(), ...(JSON.parse(entry.document) as LoopState) };
  }

  async save(project: string, projectCreatedAtMs: number, state: LoopState): Promise<void> {
    await this.write(project, { project, projectCreatedAtMs, trainingId: '', document: JSON.stringify(state) });
    if (this.written.has(project)) return;
    // Where the topic's entry cannot be read one day, an old state must not stand in for it. The state is saved,
    // whatever comes of the file: the next save tries again.
    await this.earlier.remove(project).then(
      () => this.written.add(project),
      () => undefined,
    );
  }

  async remove(project: string): Promise<void> {
    await this.write(project, null);
    await this.earlier.remove(project);
    this.written.delete(project);
  }

  async projects(): Promise<string[]> {
    return [...this.loops.keys()];
  }

  async keep(trainingId: string, request: TrainingRequest, projectCreatedAtMs: number): Promise<void> {
    const { project } = request;
    const entry = { project, projectCreatedAtMs, trainingId, document: JSON.stringify(request) };
    await this.write(keyOf(project, trainingId), entry);
  }

  async forget(project: string, trainingId: string): Promise<void> {
    await this.write(keyOf(project, trainingId), null);
  }

  kept(): KeptRequest[] {
    return [...this.requests.values()].slice(0, KEPT_MAX).map(({ trainingId, projectCreatedAtMs, document }) => ({
      trainingId,
      request: JSON.parse(document) as TrainingRequest,
      projectCreatedAtMs,
    }));
  }

  private async write(key: string, entry: TrainerEntry | null): Promise<void> {
    await this.put(key, entry);
    this.told(key, entry);
  }
}

const keyOf = (project: string, trainingId: string): string => `${project}/${trainingId}`;
