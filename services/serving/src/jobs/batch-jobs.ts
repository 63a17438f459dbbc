// The batch jobs of this process: a few at a time, the ended ones kept for a while to be asked about.

import type { BodyOf, servingApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { BatchJob, type BatchJobPorts, type JobRequest, type JobView } from './batch-job.js';

/** Jobs at a time: each holds a consumer, a producer and up to a transaction of rows. */
const RUNNING_MAX = 4;
/** Ended jobs that can still be asked about; the oldest leave first. */
const KEPT_MAX = 100;

/** As libs/api bounds a name that is given. */
const NAME_LENGTH_MAX = 100;

type StartJob = BodyOf<typeof servingApi.endpoints.startJob>;

export interface JobRunner {
  /** Resolves when the job has ended; never rejects. */
  run(job: BatchJob): Promise<void>;
}

export class BatchJobs {
  private readonly jobs = new Map<string, { job: BatchJob; ended: Promise<void> }>();

  constructor(
    private readonly runner: JobRunner,
    private readonly ports: BatchJobPorts,
    /** The platform's own, by their full names: no job writes there. */
    private readonly platformTopics: ReadonlySet<string> = new Set(),
  ) {}

  /** The same request of a job that runs gives that job; throws already_exists for another one of its name. */
  start(body: StartJob): JobView {
    const request = requestOf(body, this.platformTopics);
    const known = this.jobs.get(request.name);
    if (known && !known.job.ended) {
      if (JSON.stringify(known.job.request) === JSON.stringify(request)) return known.job.view();
      throw new PlatformError('already_exists', `a job '${request.name}' runs and does something else`);
    }
    const running = [...this.jobs.values()].filter(({ job }) => !job.ended).length;
    if (running >= RUNNING_MAX) throw new PlatformError('overloaded', `${running} jobs run, at most ${RUNNING_MAX}`);
    // An unknown model is the caller's fault now, not the job's later.
    this.ports.find(request.model, request.version);
    const job = new BatchJob(request, this.ports);
    this.jobs.delete(request.name);
    this.jobs.set(request.name, { job, ended: this.runner.run(job) });
    for (const [name, { job: old }] of this.jobs) {
      if (this.jobs.size <= KEPT_MAX) break;
      if (old.ended) this.jobs.delete(name);
    }
    return job.view();
  }

  list(): JobView[] {
    return [...this.jobs.values()].map(({ job }) => job.view());
  }

  get(name: string): JobView {
    return this.job(name).view();
  }

  /** Ends it after the transaction that runs. */
  stop(name: string): JobView {
    const job = this.job(name);
    job.stop();
    return job.view();
  }

  /** Ends every job after the transaction that runs; waits at most `withinMs`, because that may hang on a broker. */
  async close(withinMs: number): Promise<void> {
    if (this.jobs.size === 0) return;
    for (const { job } of this.jobs.values()) job.stop();
    const ends = [...this.jobs.values()].map(({ ended }) => ended);
    await Promise.race([Promise.all(ends), this.ports.pause(withinMs)]);
  }

  private job(name: string): BatchJob {
    const known = this.jobs.get(name);
    if (known === undefined) throw new PlatformError('not_found', `no job '${name.slice(0, 100)}'`);
    return known.job;
  }
}

/** What the schema of the call cannot say; all faults at once. */
function requestOf(body: StartJob, platformTopics: ReadonlySet<string>): JobRequest {
  const { model, input, output, version = '', follow = false } = body;
  const faults: string[] = [];
  if (input === output) faults.push('output: write another topic than input');
  if (platformTopics.has(output) || output.startsWith('__'))
    faults.push(`output: ${output} is the platform's or the broker's own topic; write one of yours`);
  if (faults.length > 0) throw new PlatformError('invalid_argument', faults.join('; '));
  const name = body.name ?? `${model}-${input}-${output}`.replace(/[^a-zA-Z0-9._-]/g, '-').slice(0, NAME_LENGTH_MAX);
  return { model, input, output, version, name, follow };
}
