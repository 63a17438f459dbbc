// Takes training requests and runs them one after the other. Requests are kept until they ended, so that whoever is the
// trainer after a death takes its work up (from the last checkpoint where that is there). What a training does is the
// pipeline's business.

import type { ModelVersion, TrainingEvent, TrainingStep } from '@millrace/contracts';
import { type Clock, PlatformError, type TrainingRequest, type TrainingState } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { ProjectRevisions } from './project-revisions.js';
import { completeRequest } from './request.js';

/** What came of a training. */
export type TrainingResult = Pick<ModelVersion, 'version' | 'blessed' | 'reasons' | 'verdict' | 'warnings'>;

export type TrainingEnd =
  | ({ kind: 'finished'; trainingId: string; request: TrainingRequest } & TrainingResult)
  | { kind: 'failed'; trainingId: string; request: TrainingRequest; code: string; message: string };

/** What one training reports while it runs. */
export interface TrainingReporter {
  report(event: TrainingStep): void;
}

export interface KeptRequest {
  trainingId: string;
  request: TrainingRequest;
  /** Which project of that name asked for it. */
  projectCreatedAtMs: number;
}

export interface RunnerPorts {
  project(name: string): Project | undefined;
  /** undefined where there is no such project. */
  projectCreatedAtMs(name: string): number | undefined;
  /** Which revision of a project file is here, and may be waited for. */
  revisions: Pick<ProjectRevisions, 'of' | 'reach' | 'refuseOther'>;
  /** Does the whole training; resolves with the announced version. `isStopped`: nobody wants its result any more. */
  train(
    trainingId: string,
    request: TrainingRequest,
    project: Project,
    reporter: TrainingReporter,
    isStopped: () => boolean,
  ): Promise<TrainingResult>;
  publish(update: TrainingEvent): Promise<void>;
  /** Requests that have not ended; durable when it resolves. */
  keep(trainingId: string, request: TrainingRequest, projectCreatedAtMs: number): Promise<void>;
  /** `done`: it became a version. */
  forget(project: string, trainingId: string, done: boolean): Promise<void>;
  /** @throws PlatformError where another trainer is at work */
  requireDuty(): void;
  /** The model version that a training became; undefined = none yet. */
  announced(project: string, trainingId: string): TrainingResult | undefined;
  /** Whether the project has a model version at all. */
  hasVersion(project: string): boolean;
  kept(): KeptRequest[];
  /** Ends what the workers do for a training that runs. */
  cancel(trainingId: string): void;
  log(message: string, facts: Record<string, string | number>): void;
}

/** Becomes a folder's name. */
const TRAINING_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/;
/** Trainings waiting; more are refused. */
const QUEUE_MAX = 16;
/** Ended trainings that the API still shows. */
const ENDED_MAX = 200;

export interface TrainingView {
  trainingId: string;
  project: string;
  state: TrainingState;
  request: TrainingRequest;
  last: TrainingStep;
  startedAtMs: number;
  changedAtMs: number;
  /** Of the project file that it trains with; 0 = it has not begun. */
  projectRevision: number;
}

export class TrainingRunner {
  private readonly views = new Map<string, TrainingView>();
  private readonly queue: string[] = [];
  private running: string | null = null;
  /** The project of the one that runs was deleted. */
  private stopped = false;
  private closed = false;
  /** What an earlier process left is being taken up. */
  private held = false;
  private sequence = 0;
  /** Requests that are being kept, by id. */
  private readonly keeping = new Map<string, Promise<void>>();
  private readonly listeners = new Set<(end: TrainingEnd) => void>();
  private readonly watchers = new Set<(update: TrainingEvent) => void>();

  constructor(
    private readonly ports: RunnerPorts,
    private readonly clock: Clock,
  ) {}

  /**
   * Takes up what an earlier process left; call once the project registry is there. Nothing runs before `first` has
   * resolved, and what it starts anew is known as what was left.
   */
  async resume(first: () => Promise<void> = async () => undefined): Promise<void> {
    this.held = true;
    for (const { trainingId, request, projectCreatedAtMs } of this.ports.kept()) {
      if (this.ports.projectCreatedAtMs(request.project) !== projectCreatedAtMs) {
        this.ports.log('training of a deleted project left', { training: trainingId, project: request.project });
        this.forget(request.project, trainingId, false);
        continue;
      }
      this.ports.log('training taken up again', { training: trainingId });
      this.enqueue(trainingId, request);
    }
    await first();
    this.held = false;
    this.next();
  }

  /**
   * Accepts a training; rejects a request that cannot work. The training goes on after the promise has resolved. A
   * caller that may repeat itself gives the id: the same id again has no further effect. The project file that counts
   * is the one that is current when the training begins; where the request names a revision, it is that one or none.
   */
  async start(request: TrainingRequest, givenId?: string): Promise<string> {
    this.ports.requireDuty();
    this.refuseClosed();
    if (givenId !== undefined && !TRAINING_ID.test(givenId))
      throw new PlatformError('invalid_argument', 'a training id is 1 to 120 letters, digits, ".", "_" or "-"');
    const isKnown = (id: string) => this.views.has(id) || this.ports.announced(request.project, id) !== undefined;
    if (givenId !== undefined && isKnown(givenId)) return givenId;
    if (request.projectRevision) {
      await this.ports.revisions.reach(request.project, request.projectRevision);
      this.refuseClosed();
      if (givenId !== undefined && isKnown(givenId)) return givenId;
    }
    const project = this.ports.project(request.project);
    if (project === undefined) throw new PlatformError('not_found', `no project "${request.project}"`);
    if (this.queue.length + this.keeping.size >= QUEUE_MAX)
      throw new PlatformError('overloaded', `${this.queue.length + this.keeping.size} trainings wait already`);
    const complete = completeRequest(request, project, !this.ports.hasVersion(request.project));
    const trainingId =
      givenId ?? `${request.project}-${this.clock.nowMs().toString(36)}-${(this.sequence++).toString(36)}`;
    await this.keep(trainingId, complete);
    return trainingId;
  }

  /** Of several calls with one id the first keeps it; all resolve when it is kept. */
  private async keep(trainingId: string, request: TrainingRequest): Promise<void> {
    const begun = this.keeping.get(trainingId);
    if (begun !== undefined) return begun;
    const createdAtMs = this.ports.projectCreatedAtMs(request.project) as number;
    const kept = this.ports.keep(trainingId, request, createdAtMs).then(() => {
      this.keeping.delete(trainingId);
      if (this.ports.projectCreatedAtMs(request.project) === createdAtMs) {
        this.enqueue(trainingId, request);
        return;
      }
      this.forget(request.project, trainingId, false);
      throw deletedError(request.project);
    });
    this.keeping.set(trainingId, kept);
    return kept.finally(() => this.keeping.delete(trainingId));
  }

  /** One that stays is found to have ended, or its project to be gone, by whoever takes it up. */
  private forget(project: string, trainingId: string, done: boolean): void {
    this.ports.forget(project, trainingId, done).catch((error: unknown) => {
      this.ports.log('a request that has ended is still kept', {
        training: trainingId,
        reason: PlatformError.from(error).message,
      });
    });
  }

  /** The project was deleted: what waits or runs for it ends without a version. */
  stop(project: string): void {
    for (const trainingId of this.queue.filter((id) => this.views.get(id)?.project === project)) {
      this.queue.splice(this.queue.indexOf(trainingId), 1);
      this.end(trainingId, failed(trainingId, this.views.get(trainingId) as TrainingView, deletedError(project)));
    }
    if (this.running === null || this.views.get(this.running)?.project !== project) return;
    this.stopped = true;
    this.ports.cancel(this.running);
  }

  /** Called with each training's end, finished or failed. Returns the way to stop listening. */
  onEnd(listener: (end: TrainingEnd) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Called with every update of every training. */
  onUpdate(watcher: (update: TrainingEvent) => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  view(trainingId: string): TrainingView | undefined {
    return this.views.get(trainingId);
  }

  list(project: string): TrainingView[] {
    return [...this.views.values()].filter((view) => view.project === project);
  }

  /** One that waits or runs; null = there is none. */
  openOf(project: string): string | null {
    const open = this.list(project).find(({ state }) => state === 'queued' || state === 'running');
    return open?.trainingId ?? null;
  }

  /** Takes nothing new; what runs is left to the process that comes next. */
  close(): void {
    this.closed = true;
  }

  private refuseClosed(): void {
    if (this.closed) throw new PlatformError('unavailable', 'the trainer is stopping');
  }

  private enqueue(trainingId: string, request: TrainingRequest): void {
    const nowMs = this.clock.nowMs();
    const last: TrainingStep = {
      kind: 'requested',
      trigger: request.trigger,
      datasetVersions: request.datasetVersions,
    };
    this.views.set(trainingId, {
      trainingId,
      project: request.project,
      state: 'queued',
      request,
      last,
      startedAtMs: nowMs,
      changedAtMs: nowMs,
      projectRevision: 0,
    });
    this.update(trainingId, last);
    this.queue.push(trainingId);
    this.next();
  }

  private next(): void {
    if (this.running !== null || this.closed || this.held) return;
    const trainingId = this.queue.shift();
    if (trainingId === undefined) return;
    this.running = trainingId;
    this.stopped = false;
    void this.work(trainingId).finally(() => {
      this.running = null;
      this.next();
    });
  }

  private async work(trainingId: string): Promise<void> {
    const view = this.views.get(trainingId) as TrainingView;
    const { request } = view;
    view.state = 'running';
    let end: TrainingEnd;
    try {
      // A trainer that was killed between the announcement and the end comes back to a request whose version is there.
      const { version, blessed, reasons, verdict, warnings } =
        this.ports.announced(request.project, trainingId) ?? (await this.train(trainingId, view));
      end = { kind: 'finished', trainingId, request, version, blessed, reasons, verdict, warnings };
    } catch (thrown) {
      const error = this.stopped ? deletedError(request.project) : PlatformError.from(thrown);
      // A stop is no failure of the training: its request stays on file.
      if (this.closed && !this.stopped) return;
      end = failed(trainingId, view, error);
    }
    this.end(trainingId, end);
  }

  private async train(trainingId: string, view: TrainingView): Promise<TrainingResult> {
    const { request } = view;
    const { revisions } = this.ports;
    const project = this.ports.project(request.project);
    if (project === undefined) throw new PlatformError('not_found', `no project "${request.project}"`);
    // It may have waited for long.
    if (request.projectRevision) revisions.refuseOther(request.project, request.projectRevision);
    view.projectRevision = revisions.of(request.project);
    const reporter = { report: (event: TrainingStep) => this.update(trainingId, event) };
    const current = { ...request, projectRevision: view.projectRevision };
    return this.ports.train(trainingId, current, project, reporter, () => this.stopped);
  }

  private end(trainingId: string, end: TrainingEnd): void {
    const view = this.views.get(trainingId) as TrainingView;
    if (end.kind === 'failed')
      this.ports.log('training failed', { training: trainingId, code: end.code, reason: end.message });
    this.forget(view.project, trainingId, end.kind === 'finished');
    view.state = end.kind;
    if (end.kind === 'finished') {
      const { version, blessed, verdict, warnings } = end;
      this.update(trainingId, { kind: 'finished', version, blessed, verdict, warnings });
    } else this.update(trainingId, { kind: 'failed', code: end.code, message: end.message });
    this.trim();
    for (const listener of this.listeners) listener(end);
  }

  private update(trainingId: string, event: TrainingStep): void {
    const view = this.views.get(trainingId);
    if (view === undefined) return;
    const atMs = this.clock.nowMs();
    view.last = event;
    view.changedAtMs = atMs;
    const update = { project: view.project, trainingId, correlationId: view.request.correlationId, atMs, event };
    for (const watcher of this.watchers) watcher(update);
    this.ports.publish(update).catch((error: unknown) => {
      // Updates inform people; the model version itself is announced with its own acknowledged message.
      this.ports.log('training update not published', {
        training: trainingId,
        reason: PlatformError.from(error).message,
      });
    });
  }

  private trim(): void {
    for (const [id, view] of this.views) {
      if (this.views.size <= ENDED_MAX) return;
      if (view.state === 'finished' || view.state === 'failed') this.views.delete(id);
    }
  }
}

const deletedError = (project: string): PlatformError =>
  new PlatformError('cancelled', `project "${project}" was deleted`, { retry: 'never' });

function failed(trainingId: string, { request }: TrainingView, { code, reason }: PlatformError): TrainingEnd {
  return { kind: 'failed', trainingId, request, code, message: reason };
}
