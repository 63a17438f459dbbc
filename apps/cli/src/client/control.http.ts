// The services' HTTP control APIs as one client, typed by libs/api. Every call has a deadline; an error carries the
// service's own message.

import {
  type AnswerOf,
  type BodyOf,
  CALLER_HEADERS,
  type Client,
  clientOf,
  type HttpAnswer,
  type HttpRequest,
  ingestApi,
  type LoopWord,
  monitorApi,
  routerApi,
  type Send,
  servingApi,
  trainerApi,
} from '@millrace/api';
import type { Service } from '@millrace/deployment';
import { ALL, type Cohort, cohortKey, PlatformError, systemClock } from '@millrace/domain';
import type { Addresses } from './addresses.js';
import { LivingReplica } from './living-replica.js';

/** The most that ingest gives at once. */
const DATASETS_PAGE = 1_000;
/** Longest wait for an answer; control calls that take longer are polled. */
const CALL_DEADLINE_MS = 30_000;
/** So long after the question, and after each sign of life, a service is asked whether it lives. */
const LIVES_AFTER_MS = 1_000;
/** Without a sign of life for that long it hangs: told within 5 s, and not of one that is merely slow. */
const LIVES_WAIT_MS = 4_000;
/** The last piece of a large file is answered when the hash of the whole has been looked at. */
const UPLOAD_DEADLINE_MS = 600_000;
/** A rollout is answered when its version is loaded, or when the router (MILLRACE_ROUTER_LOAD_TIMEOUT) gives it up. */
const ROLLOUT_DEADLINE_MS = 180_000;

/** Sends one request; rejects with `unavailable` where nobody answers in time. */
async function sentWithin(deadlineMs: number, { method, url, contentType, body }: HttpRequest): Promise<HttpAnswer> {
  let status: number;
  let type: string | null;
  let text: string;
  const patience = new Patience(method, new URL(url).origin, deadlineMs);
  try {
    const response = await fetch(url, {
      method,
      headers: { [CALLER_HEADERS.tool]: 'cli', ...(contentType === undefined ? {} : { 'content-type': contentType }) },
      body,
      signal: patience.signal,
    });
    status = response.status;
    type = response.headers.get('content-type');
    text = await response.text();
  } catch (cause) {
    const why = patience.ended ?? 'no answer; is the platform up? Try `millrace status`';
    const facts: Record<string, boolean> = wasRefused(cause) ? { refused: true } : {};
    throw new PlatformError('unavailable', `${method} ${url}: ${why}`, { cause, facts });
  } finally {
    patience.end();
  }
  if (text !== '' && !isJson(type)) throw notOurs(`${method} ${url}`, type);
  return { status, text };
}

/** Nobody listens there, so that nothing can have been done. */
function wasRefused(thrown: unknown): boolean {
  return ((thrown as { cause?: { code?: string } }).cause?.code ?? '') === 'ECONNREFUSED';
}

/**
 * How long an answer is waited for: until the deadline. A question that changes nothing is given up sooner where the
 * service gives no sign of life meanwhile; what was to change something may have been done by a service that is slow.
 */
class Patience {
  private readonly controller = new AbortController();
  private readonly startedMs = systemClock.monotonicMs();
  private readonly timers: NodeJS.Timeout[] = [];
  private isOver = false;
  /** Why it ended, for people. */
  ended: string | undefined;

  constructor(method: string, origin: string, deadlineMs: number) {
    const looks = method === 'GET';
    this.after(deadlineMs, () => this.give(looks ? 'has too much to do' : 'hangs or has too much to do'));
    if (looks) this.look(`${origin}/health/live`);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  end(): void {
    this.isOver = true;
    for (const timer of this.timers) clearTimeout(timer);
  }

  private look(url: string): void {
    this.after(LIVES_AFTER_MS, () => {
      fetch(url, { signal: AbortSignal.any([this.signal, AbortSignal.timeout(LIVES_WAIT_MS)]) })
        .then((response) => response.arrayBuffer())
        .then(
          () => this.look(url),
          () => this.give('hangs'),
        );
    });
  }

  private after(ms: number, act: () => void): void {
    if (!this.isOver) this.timers.push(setTimeout(act, ms));
  }

  private give(what: string): void {
    if (this.isOver) return;
    const seconds = Math.round((systemClock.monotonicMs() - this.startedMs) / 1_000);
    this.ended = `no answer within ${seconds} s: the service ${what}. \`millrace status\` shows which`;
    this.controller.abort();
  }
}

/** Every answer of a service's control API is JSON. */
export const isJson = (contentType: string | null): boolean => /^application\/(?:\w+\+)?json\b/.test(contentType ?? '');

function notOurs(call: string, contentType: string | null): PlatformError {
  return new PlatformError(
    'unavailable',
    `${call}: answered with ${contentType ?? 'no content type'} instead of JSON: another program listens on this port. \`millrace status\` shows every address; MILLRACE_PORT_OFFSET and MILLRACE_HOME name the platform that is meant`,
  );
}

/** One closed window: a row per cohort, ALL first. */
export type WindowView = AnswerOf<typeof monitorApi.endpoints.windows>['windows'][number];

/** A model version as the trainer's registry tells it. */
export type RegisteredVersion = AnswerOf<typeof trainerApi.endpoints.model>;

/** How far a bulk load is. */
export type ImportState = AnswerOf<typeof ingestApi.endpoints.importStatus>;

/** Who asks and why, for the audit. */
export interface Said {
  by?: string;
  reason?: string;
}

export type RolloutMove = 'skip' | 'pause' | 'resume' | 'abort';

const { startExperiment, setExperimentWeights, endExperiment } = routerApi.endpoints;
const { startTraining, startRollout, promote, rollback, setShadows, abortRollout } = {
  ...trainerApi.endpoints,
  ...routerApi.endpoints,
};

export class ControlClient {
  private readonly ingest: Client<typeof ingestApi>;
  private readonly uploads: Client<typeof ingestApi>;
  private readonly trainer: Client<typeof trainerApi>;
  private readonly modelUploads: Client<typeof trainerApi>;
  private readonly router: Client<typeof routerApi>;
  private readonly rollouts: Client<typeof routerApi>;
  private readonly serving: Client<typeof servingApi>;

  private readonly monitor: Client<typeof monitorApi>;

  /**
   * @param deadlineMs of the calls that are answered at once
   * @param replicas base URLs of every replica of a service; default: the one that `at` names
   */
  constructor(at: Addresses, deadlineMs = CALL_DEADLINE_MS, replicas: Partial<Record<Service, string[]>> = {}) {
    const sender = (service: Service) => {
      const living = new LivingReplica(replicas[service] ?? [at[service]]);
      return (ms: number): Send =>
        (request) =>
          living.send(request, (one) => sentWithin(ms, one));
    };
    const [ingest, trainer, router] = [sender('ingest'), sender('trainer'), sender('router')];
    this.ingest = clientOf(ingestApi, at.ingest, ingest(deadlineMs));
    this.uploads = clientOf(ingestApi, at.ingest, ingest(UPLOAD_DEADLINE_MS));
    this.trainer = clientOf(trainerApi, at.trainer, trainer(deadlineMs));
    this.modelUploads = clientOf(trainerApi, at.trainer, trainer(UPLOAD_DEADLINE_MS));
    this.router = clientOf(routerApi, at.router, router(deadlineMs));
    this.rollouts = clientOf(routerApi, at.router, router(ROLLOUT_DEADLINE_MS));
    this.monitor = clientOf(monitorApi, at.monitor, sender('monitor')(deadlineMs));
    this.serving = clientOf(servingApi, at.serving, sender('serving')(deadlineMs));
  }

  applyProject(text: string, said: Said = {}) {
    return this.ingest.applyProject({ body: text, query: said });
  }

  async projects() {
    return (await this.ingest.projects()).projects;
  }

  removeProject(project: string, said: Said = {}) {
    return this.ingest.removeProject({ path: { project }, query: said });
  }

  startUpload(project: string, body: BodyOf<typeof ingestApi.endpoints.startUpload>) {
    return this.ingest.startUpload({ path: { project }, body });
  }

  sendUpload(project: string, id: string, offset: number, body: Uint8Array) {
    return this.uploads.sendUpload({ path: { project, id }, query: { offset }, body });
  }

  startImport(project: string, body: BodyOf<typeof ingestApi.endpoints.startImport>) {
    return this.ingest.startImport({ path: { project }, body });
  }

  importState(project: string, id: string) {
    return this.ingest.importStatus({ path: { project, id } });
  }

  /** Why ingest takes no more records and labels in; null while it does. */
  async readingStopped() {
    return (await this.ingest.stats()).stopped;
  }

  /** The newest so many of those before this ordinal, oldest first. */
  datasetsPage(project: string, limit: number, before?: number) {
    return this.ingest.datasets({ path: { project }, query: before === undefined ? { limit } : { limit, before } });
  }

  /** All of them, oldest first. */
  async datasets(project: string) {
    let page = await this.datasetsPage(project, DATASETS_PAGE);
    const pages = [page.datasets];
    while (page.before !== null) {
      page = await this.datasetsPage(project, DATASETS_PAGE, page.before);
      pages.unshift(page.datasets);
    }
    return pages.flat();
  }

  async closeDatasets(project: string) {
    return (await this.ingest.closeDatasets({ path: { project } })).closed;
  }

  async resetWatermark(project: string, toMs: number | undefined) {
    return (await this.ingest.resetWatermark({ path: { project }, body: toMs === undefined ? {} : { toMs } })).toMs;
  }

  retention(project: string) {
    return this.ingest.retention({ path: { project } });
  }

  modelRetention(project: string) {
    return this.trainer.retention({ path: { project } });
  }

  collectModels(project: string) {
    return this.trainer.collect({ path: { project } });
  }

  collect(project: string) {
    return this.ingest.collect({ path: { project } });
  }

  async holds(project: string) {
    return (await this.ingest.holds({ path: { project } })).holds;
  }

  addHold(project: string, body: { dataset?: string; model?: number; reason: string; by: string }) {
    return this.ingest.addHold({ path: { project }, body });
  }

  removeHold(project: string, id: string, reason: string, by: string) {
    return this.ingest.removeHold({ path: { project, id }, body: { reason, by } });
  }

  deadLetters(project: string, limit: number, redriven = false) {
    return this.ingest.deadLetters({ query: { project, limit, redriven } });
  }

  redrive(id: string, again: boolean) {
    return this.ingest.redrive({ path: { id }, query: { again } });
  }

  /** `ids`: those of records that bring none are `<clientId>/<sequence>` and on. */
  sendRecords(project: string, records: unknown, ids: { clientId: string; sequence: number }) {
    return this.ingest.sendRecords({ path: { project }, query: ids, body: records });
  }

  sendLabels(project: string, labels: unknown) {
    return this.ingest.sendLabels({ path: { project }, body: labels });
  }

  startTraining(project: string, body: BodyOf<typeof startTraining>) {
    return this.trainer.startTraining({ path: { project }, body });
  }

  training(project: string, id: string) {
    return this.trainer.training({ path: { project, id } });
  }

  model(project: string, version: number) {
    return this.trainer.model({ path: { project, version: String(version) } });
  }

  async models(project: string) {
    return (await this.trainer.models({ path: { project } })).models;
  }

  startModelUpload(project: string, body: BodyOf<typeof trainerApi.endpoints.startModelUpload>) {
    return this.trainer.startModelUpload({ path: { project }, body });
  }

  sendModelUpload(project: string, id: string, offset: number, body: Uint8Array) {
    return this.modelUploads.sendModelUpload({ path: { project, id }, query: { offset }, body });
  }

  registerModel(project: string, body: BodyOf<typeof trainerApi.endpoints.registerModel>) {
    return this.trainer.registerModel({ path: { project }, body });
  }

  backtest(project: string, body: BodyOf<typeof trainerApi.endpoints.backtest>) {
    return this.modelUploads.backtest({ path: { project }, body });
  }

  /** A file of a version's package that is JSON. */
  artifact<T>(project: string, version: number, file: string): Promise<T> {
    return this.trainer.artifact({ path: { project, version: String(version), file } }) as Promise<T>;
  }

  loop(project: string) {
    return this.trainer.loop({ path: { project } });
  }

  loopCommand(project: string, command: LoopWord, body: BodyOf<typeof trainerApi.endpoints.loopCommand> = {}) {
    return this.trainer.loopCommand({ path: { project, command }, body });
  }

  async route(project: string) {
    return (await this.router.route({ path: { project } })).route;
  }

  /** undefined before the first rollout. */
  async routeOrNone(project: string) {
    return (await this.router.routes()).routes.find((route) => route.project === project);
  }

  startRollout(project: string, body: BodyOf<typeof startRollout>) {
    return this.rollouts.startRollout({ path: { project }, body });
  }

  promote(project: string, body: BodyOf<typeof promote>) {
    return this.router.promote({ path: { project }, body });
  }

  setShadows(project: string, body: BodyOf<typeof setShadows>) {
    return this.router.setShadows({ path: { project }, body });
  }

  /** Copies to shadows, as the router that answers has counted them. */
  async shadowTraffic(project: string) {
    return (await this.router.stats({ query: { project } })).shadows;
  }

  rollback(project: string, body: BodyOf<typeof rollback>) {
    return this.router.rollback({ path: { project }, body });
  }

  /** Of the rollout under way. */
  moveRollout(project: string, move: RolloutMove, body: BodyOf<typeof abortRollout>) {
    const { advanceRollout: skip, pauseRollout: pause, resumeRollout: resume, abortRollout: abort } = this.router;
    return { skip, pause, resume, abort }[move]({ path: { project }, body });
  }

  startExperiment(project: string, body: BodyOf<typeof startExperiment>) {
    return this.router.startExperiment({ path: { project }, body });
  }

  /** The running one, or the last one; null: there was none. */
  async experiment(project: string) {
    return (await this.router.experiment({ path: { project } })).experiment;
  }

  setExperimentWeights(project: string, body: BodyOf<typeof setExperimentWeights>) {
    return this.router.setExperimentWeights({ path: { project }, body });
  }

  endExperiment(project: string, body: BodyOf<typeof endExperiment>) {
    return this.router.endExperiment({ path: { project }, body });
  }

  /** Of the rollout under way, or of the last one; null: there was none since that router started. */
  async analysis(project: string) {
    return (await this.router.analysis({ path: { project } })).analysis;
  }

  async switches(project: string) {
    return (await this.router.switches({ path: { project } })).switches;
  }

  servingStats() {
    return this.serving.stats();
  }

  startJob(body: BodyOf<typeof servingApi.endpoints.startJob>) {
    return this.serving.startJob({ body });
  }

  job(name: string) {
    return this.serving.job({ path: { name } });
  }

  async windows(project: string, limit = 1_000) {
    return (await this.monitor.windows({ path: { project }, query: { limit } })).windows;
  }

  /** What goes on now. */
  live(project: string) {
    return this.monitor.now({ path: { project } });
  }

  /** The versions as the monitor knows them. */
  async watchedModels(project: string) {
    return (await this.monitor.models({ path: { project } })).models;
  }

  archive(project: string) {
    return this.monitor.archive({ path: { project } });
  }

  archivedPrediction(project: string, id: string, aroundMs: number | undefined) {
    const around = aroundMs === undefined ? {} : { aroundMs };
    return this.monitor.prediction({ path: { project }, query: { id, ...around } });
  }

  /** Those that last. */
  async alarms(project: string) {
    const { alarms } = await this.monitor.alarms({ path: { project } });
    return alarms.filter(({ endedMs }) => endedMs === null);
  }

  async driftEvents(project: string) {
    return (await this.monitor.driftEvents({ path: { project } })).driftEvents;
  }

  labelsJoined(project: string, cohort: Cohort = ALL) {
    return this.monitor.labelsJoined({ path: { project }, query: { cohort: cohortKey(cohort) } });
  }

  audit(project: string, query: { sinceMs?: number; limit: number }) {
    return this.monitor.audit({ path: { project }, query });
  }

  webhooks(project: string) {
    return this.monitor.webhooks({ path: { project } });
  }

  testWebhooks(project: string) {
    return this.monitor.testWebhooks({ path: { project } });
  }

  annotate(project: string, id: string, body: BodyOf<typeof monitorApi.endpoints.annotate>) {
    return this.monitor.annotate({ path: { project, id }, body });
  }
}
