// The coordinator with its clock: jobs in, outcomes out, a tick a few times per second.

import { type Clock, PlatformError } from '@millrace/domain';
import type { JobSpec } from '../training/job.js';
import type { Coordinator } from './coordinator.js';

export interface CollectivePorts {
  /** The newest whole checkpoint below a folder. */
  latestCheckpoint(folder: string): { path: string; sha256: string; step: number } | null;
}

/** Ticks of the coordinator; a quarter of the shortest deadline it looks at. */
export const TICK_MS = 250;
/** A tick so late means that this process was held up, and with it the heartbeats it would have read. */
const HELD_UP_MS = 400;

export class Collective {
  private lastTickMs: number;

  constructor(
    private readonly coordinator: Coordinator,
    private readonly ports: CollectivePorts,
    private readonly clock: Clock,
  ) {
    this.lastTickMs = clock.nowMs();
  }

  tick(): void {
    const nowMs = this.clock.nowMs();
    const lateMs = nowMs - this.lastTickMs - TICK_MS;
    this.lastTickMs = nowMs;
    if (lateMs > HELD_UP_MS) this.coordinator.excuse(lateMs);
    this.coordinator.tick(nowMs);
  }

  /** Ends the jobs of a training that nobody wants any more. */
  cancel(trainingId: string): void {
    const error = new PlatformError('cancelled', `training ${trainingId} was stopped`);
    this.coordinator.cancel((jobId) => jobId.startsWith(`${trainingId}-`), error, this.clock.nowMs());
  }

  /** Runs a job; each membership is told its generation and the newest checkpoint. */
  async run(
    id: string,
    workers: number,
    spec: JobSpec,
    progress: (step: number, steps: number, loss: number) => void,
  ): Promise<{ workers: number; sha256: string; generations: number }> {
    const describe = (generation: number): string => {
      if (spec.kind !== 'train') return JSON.stringify(spec);
      const newest = this.ports.latestCheckpoint(spec.checkpoint.folder);
      const resume = newest === null ? null : { path: newest.path, sha256: newest.sha256 };
      return JSON.stringify({ ...spec, checkpoint: { ...spec.checkpoint, generation }, resume });
    };
    if (workers < 1) throw new PlatformError('invalid_argument', 'a job needs at least one worker');
    const job = {
      id,
      workers,
      describe,
      progress: (at: { step: number; steps: number; loss: number }) => progress(at.step, at.steps, at.loss),
    };
    return this.coordinator.run(job, this.clock.nowMs());
  }
}
