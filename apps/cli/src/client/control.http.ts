// The services' HTTP control APIs as one client, typed by libs/api. Every call has a deadline; an error carries the service's own
// message.

import {
  type AnswerOf,
  type BodyOf,
  type Client,
  clientOf,
  errorOf,
  type HttpAnswer,
  type HttpRequest,
  ingestApi,
  routerApi,
  servingApi,
  trainerApi,
} from '@millrace/api';
import { ALL, type Cohort, cohortKey, PlatformError } from '@millrace/domain';
import type { Addresses } from './addresses.js';

/** Longest wait for an answer; control calls that take longer are polled. */
const CALL_DEADLINE_MS = 30_000;

export interface DriftEventView {
  id: string;
  feature: string;
  detector: string;
  value: number;
  threshold: number;
  pValue: number | null;
  window: { startMs: number; endMs: number };
  cohort: Cohort;
  correlationId: string;
}

export interface TestView {
  feature: string;
  detector: string;
  statistic: number;
  threshold: number;
  alarm: boolean;
  rows: number;
}

/** One closed window: a row per cohort, ALL first. */
export interface WindowView {
  startMs: number;
  endMs: number;
  cohorts: {
    cohort: Cohort;
    predictions: number;
    labels: number;
    tests: TestView[];
    quality: { labelledRows: number; auc: number | null; logLoss: number | null } | null;
  }[];
}

/** Sends one request; rejects with `unavailable` where nobody answers in time. */
async function send({ method, url, contentType, body }: HttpRequest): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, {
      method,
      headers: contentType === undefined ? {} : { 'content-type': contentType },
      body,
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (thrown) {
    throw new PlatformError('unavailable', `${method} ${url}: no answer; is the platform up? Try \`millrace status\``, {
      cause: thrown,
    });
  }
}

/** JSON of a path that libs/api does not name. */
async function call<T>(method: string, url: string, body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { contentType: 'application/json', body: JSON.stringify(body) };
  const { status, text } = await send({ method, url, ...json });
  if (status < 200 || status > 299) throw errorOf(status, text, `${method} ${new URL(url).pathname}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** A model version as the trainer's registry tells it. */
export type RegisteredVersion = AnswerOf<typeof trainerApi.endpoints.model>;

const { startTraining, startRollout, promote, rollback } = { ...trainerApi.endpoints, ...routerApi.endpoints };

export class ControlClient {
  private readonly ingest: Client<typeof ingestApi>;
  private readonly trainer: Client<typeof trainerApi>;
  private readonly router: Client<typeof routerApi>;
  private readonly serving: Client<typeof servingApi>;

  constructor(private readonly at: Addresses) {
    this.ingest = clientOf(ingestApi, at.ingest, send);
    this.trainer = clientOf(trainerApi, at.trainer, send);
    this.router = clientOf(routerApi, at.router, send);
    this.serving = clientOf(servingApi, at.serving, send);
  }

  applyProject(text: string) {
    return this.ingest.applyProject({ body: text });
  }

  inferColumns(project: string, sample: unknown) {
    return this.ingest.inferColumns({ path: { project }, body: sample });
  }

  startImport(project: string, body: BodyOf<typeof ingestApi.endpoints.startImport>) {
    return this.ingest.startImport({ path: { project }, body });
  }

  importState(project: string, id: string) {
    return this.ingest.importStatus({ path: { project, id } });
  }

  async datasets(project: string) {
    return (await this.ingest.datasets({ path: { project } })).datasets;
  }

  deadLetters(project: string, limit: number) {
    return this.ingest.deadLetters({ query: { project, limit } });
  }

  redrive(id: string) {
    return this.ingest.redrive({ path: { id } });
  }

  sendRecords(project: string, records: unknown) {
    return this.ingest.sendRecords({ path: { project }, body: records });
  }

  startTraining(project: string, body: BodyOf<typeof startTraining>) {
    return this.trainer.startTraining({ path: { project }, body });
  }

  training(project: string, id: string) {
    return this.trainer.training({ path: { project, id } });
  }

  async models(project: string) {
    return (await this.trainer.models({ path: { project } })).models;
  }

  /** A file of a version's package that is JSON. */
  artifact<T>(project: string, version: number, file: string): Promise<T> {
    return this.trainer.artifact({ path: { project, version: String(version), file } }) as Promise<T>;
  }

  loop(project: string) {
    return this.trainer.loop({ path: { project } });
  }

  loopCommand(project: string, command: 'approve' | 'stop' | 'resume') {
    return this.trainer.loopCommand({ path: { project, command } });
  }

  async route(project: string) {
    return (await this.router.route({ path: { project } })).route;
  }

  startRollout(project: string, body: BodyOf<typeof startRollout>) {
    return this.router.startRollout({ path: { project }, body });
  }

  promote(project: string, body: BodyOf<typeof promote>) {
    return this.router.promote({ path: { project }, body });
  }

  rollback(project: string, body: BodyOf<typeof rollback>) {
    return this.router.rollback({ path: { project }, body });
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

  windows(project: string, limit = 1_000): Promise<WindowView[]> {
    return listOf(call('GET', `${this.at.monitor}/v1/projects/${project}/windows?limit=${limit}`), 'windows');
  }

  driftEvents(project: string): Promise<DriftEventView[]> {
    return listOf(call('GET', `${this.at.monitor}/v1/projects/${project}/drift-events`), 'driftEvents');
  }

  labelsJoined(project: string, cohort: Cohort = ALL): Promise<{ labelsJoined: number }> {
    const key = encodeURIComponent(cohortKey(cohort));
    return call('GET', `${this.at.monitor}/v1/projects/${project}/labels-joined?cohort=${key}`);
  }

  annotate(project: string, id: string, annotation: object): Promise<unknown> {
    return call('PUT', `${this.at.monitor}/v1/projects/${project}/annotations/${id}`, annotation);
  }
}

/** Lists come in an envelope of one key. */
async function listOf<T>(answer: Promise<unknown>, key: string): Promise<T[]> {
  const list = ((await answer) as Record<string, unknown> | null)?.[key];
  if (!Array.isArray(list)) throw new PlatformError('internal', `the answer has no list "${key}"`);
  return list as T[];
}
