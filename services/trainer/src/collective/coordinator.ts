// Who the workers are and what they work on: one job at a time over a group of them, restarted from its last checkpoint
// with who is left (or has come back) when one is lost. Pure: time comes with the calls, sending is a port, `tick` is
// called by the edge a few times per second.
//
// A job's life: queued -> gathering (until enough workers are there, or the grace is over) -> preparing (assignments
// sent, waiting for every Ready) -> running -> done | failed. Losing a member sends it back to gathering under the next
// generation; what a worker says about an earlier generation's job is ignored, because it says it on a job id +
// generation that is not current, and its gradient sockets show the wrong token.

import { PlatformError } from '@millrace/domain';
import type { FromWorker, Hello, ToWorker } from './messages.js';

export interface CoordinatorOptions {
  /** A worker that has not been heard of for so long is lost. */
  heartbeatTimeoutMs: number;
  /** How long a job waits for its wanted number of workers before it starts with fewer. */
  gatherMs: number;
  /** How long a job waits for the first worker at all. */
  noWorkerMs: number;
  /** From assignment to Ready of all. */
  readyMs: number;
  /** Between signs of progress of a running job. */
  progressMs: number;
  /** Times a job may go back to gathering. */
  restartsMax: number;
  /** Jobs waiting; more are refused. */
  queueMax: number;
}

export const COORDINATOR_DEFAULTS: CoordinatorOptions = {
  heartbeatTimeoutMs: 2_000,
  gatherMs: 4_000,
  noWorkerMs: 60_000,
  readyMs: 30_000,
  progressMs: 60_000,
  restartsMax: 5,
  queueMax: 16,
};

/** Sends to one worker; closing ends its stream, and the worker dials again. */
export interface WorkerLink {
  send(message: ToWorker): void;
  close(reason: string): void;
}

export interface WorkerView extends Hello {
  lastSeenMs: number;
  jobId: string | null;
  rank: number;
}

export interface Job {
  id: string;
  /** Workers it wants; 0 < workers. */
  workers: number;
  /** The JobSpec's JSON for this membership; called at each (re)start, so that it can name the newest checkpoint. */
  describe(generation: number): string;
  progress?(step: { step: number; steps: number; loss: number; rows: number; workers: number }): void;
}

export interface JobOutcome {
  workers: number;
  /** Memberships it took; 1 = nothing was lost on the way. */
  generations: number;
  resultPath: string;
  sha256: string;
}

interface Worker {
  hello: Hello;
  link: WorkerLink;
  lastSeenMs: number;
}

interface Active {
  job: Job;
  resolve(outcome: JobOutcome): void;
  reject(error: PlatformError): void;
  phase: 'gathering' | 'preparing' | 'running';
  sinceMs: number;
  generation: number;
  restarts: number;
  /** Worker ids by rank. */
  members: string[];
  ready: Set<string>;
  done: Map<string, { resultPath: string; sha256: string }>;
}

/** Failures that would come again in any membership. */
const FINAL_CODES: ReadonlySet<string> = new Set(['invalid_argument', 'corrupt', 'not_found', 'unimplemented']);

export class Coordinator {
  private readonly workers = new Map<string, Worker>();
  private readonly queue: Active[] = [];
  private active: Active | null = null;
  private generation = 0;

  constructor(
    private readonly options: CoordinatorOptions,
    private readonly newToken: () => Uint8Array,
    private readonly log: (message: string, facts: Record<string, string | number>) => void = () => undefined,
  ) {}

  views(): WorkerView[] {
    return [...this.workers.values()].map(({ hello, lastSeenMs }) => {
      const rank = this.active?.phase === 'gathering' ? -1 : (this.active?.members.indexOf(hello.workerId) ?? -1);
      return { ...hello, lastSeenMs, jobId: rank < 0 ? null : (this.active?.job.id ?? null), rank };
    });
  }

  /** Runs a job on the workers; resolves with its outcome. */
  run(job: Job, nowMs: number): Promise<JobOutcome> {
    return new Promise((resolve, reject) => {
      if (this.queue.length >= this.options.queueMax) {
        reject(
          new PlatformError(
            'overloaded',
            `${this.queue.length} jobs are waiting already, at most ${this.options.queueMax}`,
          ),
        );
        return;
      }
      this.queue.push({
        job,
        resolve,
        reject,
        phase: 'gathering',
        sinceMs: nowMs,
        generation: 0,
        restarts: 0,
        members: [],
        ready: new Set(),
        done: new Map(),
      });
      this.tick(nowMs);
    });
  }

  join(hello: Hello, link: WorkerLink, nowMs: number): void {
    const previous = this.workers.get(hello.workerId);
    if (previous !== undefined) {
      previous.link.close('the same worker id joined again');
      this.lose(hello.workerId, 'joined again', nowMs);
    }
    this.workers.set(hello.workerId, { hello, link, lastSeenMs: nowMs });
    this.log('worker joined', { worker: hello.workerId, device: hello.device, pid: hello.processId });
    this.tick(nowMs);
  }

  /** The worker's stream ended. `link` tells an old stream from the current one. */
  leave(workerId: string, link: WorkerLink, reason: string, nowMs: number): void {
    if (this.workers.get(workerId)?.link !== link) return;
    this.lose(workerId, reason, nowMs);
    this.tick(nowMs);
  }

  receive(workerId: string, message: FromWorker, nowMs: number): void {
    const worker = this.workers.get(workerId);
    if (worker === undefined) return;
    worker.lastSeenMs = nowMs;
    const active = this.active;
    if (message.kind === 'heartbeat' || message.kind === 'hello' || active === null) return;
    const current = message.jobId === memberJobId(active) && active.members.includes(workerId);
    if (!current || active.phase === 'gathering') return;
    if (message.kind === 'ready') this.readied(active, workerId, message.generation, nowMs);
    else if (message.kind === 'step_done') {
      active.sinceMs = nowMs;
      if (active.members[0] === workerId) active.job.progress?.({ ...message, workers: active.members.length });
    } else if (message.kind === 'job_done') this.finished(active, workerId, message, nowMs);
    else if (FINAL_CODES.has(message.code))
      this.fail(active, new PlatformError(message.code as 'corrupt', message.message), nowMs);
    else this.restart(active, `worker ${workerId}: [${message.code}] ${message.message}`, nowMs);
  }

  /** This process was held up for so long and could not hear anyone: nobody's silence counts for that time. */
  excuse(heldUpMs: number): void {
    for (const worker of this.workers.values()) worker.lastSeenMs += heldUpMs;
    if (this.active !== null) this.active.sinceMs += heldUpMs;
  }

  /** Looks at every deadline. */
  tick(nowMs: number): void {
    for (const [id, worker] of this.workers) {
      if (nowMs - worker.lastSeenMs <= this.options.heartbeatTimeoutMs) continue;
      worker.link.close('no heartbeat');
      this.lose(id, `silent for ${nowMs - worker.lastSeenMs} ms`, nowMs);
    }
    if (this.active === null) {
      this.active = this.queue.shift() ?? null;
      if (this.active === null) return;
      this.active.sinceMs = nowMs;
    }
    const active = this.active;
    const waited = nowMs - active.sinceMs;
    if (active.phase === 'gathering') {
      if (this.workers.size >= active.job.workers || (this.workers.size > 0 && waited >= this.options.gatherMs))
        this.assign(active, nowMs);
      else if (waited >= this.options.noWorkerMs) {
        this.fail(
          active,
          new PlatformError('unavailable', `no training worker joined within ${this.options.noWorkerMs} ms`),
          nowMs,
        );
      }
    } else if (active.phase === 'preparing' && waited >= this.options.readyMs) {
      this.restart(active, `not all workers were ready within ${this.options.readyMs} ms`, nowMs);
    } else if (active.phase === 'running' && waited >= this.options.progressMs) {
      this.restart(active, `no progress for ${waited} ms`, nowMs);
    }
  }

  /** Fails the jobs that are meant. */
  cancel(isMeant: (jobId: string) => boolean, error: PlatformError, nowMs: number): void {
    for (const waiting of this.queue.filter(({ job }) => isMeant(job.id))) {
      this.queue.splice(this.queue.indexOf(waiting), 1);
      waiting.reject(error);
    }
    if (this.active !== null && isMeant(this.active.job.id)) this.fail(this.active, error, nowMs);
  }

  /** Fails everything that waits or runs; for shutdown. */
  close(nowMs: number): void {
    const error = new PlatformError('cancelled', 'the trainer is stopping');
    for (const waiting of this.queue.splice(0)) waiting.reject(error);
    if (this.active !== null) this.fail(this.active, error, nowMs);
    for (const worker of this.workers.values()) worker.link.close('the trainer is stopping');
    this.workers.clear();
  }

  private assign(active: Active, nowMs: number): void {
    // Ranks by worker id, so that the same group gets the same ranks whatever the order of joining.
    const members = [...this.workers.keys()].sort().slice(0, active.job.workers);
    this.generation++;
    active.generation = this.generation;
    active.members = members;
    active.ready.clear();
    active.done.clear();
    active.phase = 'preparing';
    active.sinceMs = nowMs;
    let job: string;
    try {
      job = active.job.describe(active.generation);
    } catch (error) {
      this.fail(active, PlatformError.from(error), nowMs);
      return;
    }
    const token = this.newToken();
    const peers = members.map((id, rank) => {
      const { host, port } = (this.workers.get(id) as Worker).hello;
      return { rank, host, port };
    });
    this.log('job assigned', { job: active.job.id, generation: active.generation, workers: members.length });
    members.forEach((id, rank) => {
      const assignment = {
        jobId: memberJobId(active),
        generation: active.generation,
        rank,
        worldSize: members.length,
        peers,
        job,
        token,
      };
      this.workers.get(id)?.link.send({ kind: 'assignment', ...assignment });
    });
  }

  private readied(active: Active, workerId: string, generation: number, nowMs: number): void {
    if (generation !== active.generation || active.phase !== 'preparing') return;
    active.ready.add(workerId);
    if (active.ready.size < active.members.length) return;
    active.phase = 'running';
    active.sinceMs = nowMs;
    for (const id of active.members)
      this.workers.get(id)?.link.send({ kind: 'start', jobId: memberJobId(active), generation });
  }

  private finished(
    active: Active,
    workerId: string,
    result: { resultPath: string; sha256: string },
    nowMs: number,
  ): void {
    active.done.set(workerId, result);
    if (active.done.size < active.members.length) return;
    const results = [...active.done.values()];
    const first = active.done.get(active.members[0] as string) as { resultPath: string; sha256: string };
    if (results.some((other) => other.sha256 !== first.sha256)) {
      this.fail(active, new PlatformError('internal', 'the workers ended with different results'), nowMs);
      return;
    }
    this.active = null;
    active.resolve({ ...first, workers: active.members.length, generations: active.restarts + 1 });
    this.tick(nowMs);
  }

  private lose(workerId: string, reason: string, nowMs: number): void {
    this.workers.delete(workerId);
    this.log('worker lost', { worker: workerId, reason });
    const active = this.active;
    if (active === null || active.phase === 'gathering' || !active.members.includes(workerId)) return;
    // A member that had finished already is not needed any more, unless others still run: they may wait for it.
    this.restart(active, `worker ${workerId} was lost (${reason})`, nowMs);
  }

  private restart(active: Active, reason: string, nowMs: number): void {
    this.abort(active, reason);
    active.restarts++;
    if (active.restarts > this.options.restartsMax) {
      this.fail(
        active,
        new PlatformError('unavailable', `given up after ${active.restarts} memberships: ${reason}`),
        nowMs,
      );
      return;
    }
    this.log('job restarts', { job: active.job.id, reason });
    active.phase = 'gathering';
    active.sinceMs = nowMs;
    active.members = [];
  }

  private abort(active: Active, reason: string): void {
    for (const id of active.members) {
      this.workers
        .get(id)
        ?.link.send({ kind: 'abort', jobId: memberJobId(active), generation: active.generation, reason });
    }
  }

  private fail(active: Active, error: PlatformError, nowMs: number): void {
    if (active.phase !== 'gathering') this.abort(active, error.message);
    if (this.active === active) this.active = null;
    active.reject(error);
    this.tick(nowMs);
  }
}

/** Messages about a job name its generation too, so that a straggler's are told apart. */
function memberJobId(active: Active): string {
  return `${active.job.id}#${active.generation}`;
}
