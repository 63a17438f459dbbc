// One training worker: takes assignments, opens the gradient links of that generation, waits for the start, runs the
// job, reports. A new assignment or an abort ends what runs; a job never outlives its generation.

import { PlatformError } from '@millrace/domain';
import { AllReduce, type PeerLinks } from '../collective/all-reduce.js';
import type { Assignment, FromWorker, ToWorker } from '../collective/messages.js';
import { type JobSpec, parseJob } from '../training/job.js';

/** The links of one generation. */
export interface Links extends PeerLinks {
  open(): Promise<void>;
  close(reason: string): void;
}

export interface JobContext {
  rank: number;
  worldSize: number;
  all: AllReduce;
  progress(step: number, steps: number, loss: number, rows: number): void;
  aborted(): boolean;
  breathe(): Promise<void>;
}

export interface PreparedJob {
  /** Runs to the end; returns the result's path and hash. */
  run(context: JobContext): Promise<{ resultPath: string; sha256: string }>;
}

export interface WorkerPorts {
  send(message: FromWorker): void;
  links(assignment: Assignment): Links;
  /** Loads data and builds the engine. */
  prepare(job: JobSpec, rank: number): Promise<PreparedJob>;
  monotonicMs(): number;
  breathe(): Promise<void>;
  log(message: string, facts: Record<string, string | number>): void;
}

/** Progress is reported at most this often; the coordinator shows it, nothing depends on it. */
const PROGRESS_EVERY_MS = 250;

interface Running {
  assignment: Assignment;
  aborted: boolean;
  links: Links | null;
  start(): void;
  started: Promise<void>;
}

export class Worker {
  private running: Running | null = null;

  constructor(private readonly ports: WorkerPorts) {}

  receive(message: ToWorker): void {
    if (message.kind === 'assignment') {
      this.stop('a new assignment came');
      void this.work(message);
    } else if (message.kind === 'start') {
      if (this.running?.assignment.generation === message.generation) this.running.start();
    } else if (this.running?.assignment.generation === message.generation) this.stop(message.reason);
  }

  /** Ends what runs, for example when the coordinator is lost. */
  stop(reason: string): void {
    const running = this.running;
    if (running === null) return;
    this.running = null;
    running.aborted = true;
    running.links?.close(reason);
    running.start();
  }

  private async work(assignment: Assignment): Promise<void> {
    let start: () => void = () => undefined;
    const started = new Promise<void>((resolve) => {
      start = resolve;
    });
    const running: Running = { assignment, aborted: false, links: null, start, started };
    this.running = running;
    const { jobId, generation, rank, worldSize } = assignment;
    const facts = { job: jobId, rank, workers: worldSize };
    try {
      const links = this.ports.links(assignment);
      running.links = links;
      const [prepared] = await Promise.all([this.ports.prepare(parseJob(assignment.job), rank), links.open()]);
      if (running.aborted) return;
      this.ports.send({ kind: 'ready', jobId, generation });
      await started;
      if (running.aborted) return;
      const startedMs = this.ports.monotonicMs();
      const result = await prepared.run({
        rank,
        worldSize,
        all: new AllReduce(links),
        progress: this.throttled(jobId),
        aborted: () => running.aborted,
        breathe: () => this.ports.breathe(),
      });
      if (running.aborted) return;
      this.ports.log('job done', { ...facts, ms: Math.round(this.ports.monotonicMs() - startedMs) });
      this.ports.send({ kind: 'job_done', jobId, ...result });
    } catch (thrown) {
      if (running.aborted) return;
      const error = PlatformError.from(thrown);
      this.ports.log('job failed', { ...facts, code: error.code, reason: error.reason });
      this.ports.send({ kind: 'job_failed', jobId, code: error.code, message: error.reason });
      running.links?.close('the job failed');
    }
  }

  private throttled(jobId: string): JobContext['progress'] {
    let nextMs = 0;
    return (step, steps, loss, rows) => {
      const nowMs = this.ports.monotonicMs();
      if (nowMs < nextMs && step < steps) return;
      nextMs = nowMs + PROGRESS_EVERY_MS;
      this.ports.send({ kind: 'step_done', jobId, step, steps, loss, rows });
    };
  }
}
