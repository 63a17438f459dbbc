// The services' HTTP control APIs as one client. Every call has a deadline; an error carries the service's own message.

import type { ModelVersion } from '@millrace/contracts';
import { ERROR_CODES, type ErrorCode, PlatformError, type TrainingRequest } from '@millrace/domain';
import type { Route, Switch } from '@millrace/routing';
import type { Addresses } from './addresses.js';

/** Longest wait for an answer; control calls that take longer are polled. */
export const CALL_DEADLINE_MS = 30_000;

export interface ImportState {
  state: 'running' | 'done' | 'failed';
  rowsRead: number;
  rowsTotal?: number;
  accepted: number;
  rejected: number;
  datasetVersion?: string;
  message?: string;
}

export interface TrainingView {
  trainingId: string;
  state: 'queued' | 'running' | 'finished' | 'failed';
  last: {
    kind: string;
    step?: number;
    steps?: number;
    loss?: number;
    rowsPerSecond?: number;
    version?: number;
    blessed?: boolean;
    message?: string;
  };
}

export interface DriftEventView {
  id: string;
  feature: string;
  detector: string;
  value: number;
  threshold: number;
  pValue: number | null;
  window: { startMs: number; endMs: number };
  modelVersion: number;
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

/** One closed window: a row per model version, version 0 = all together. */
export interface WindowView {
  startMs: number;
  endMs: number;
  versions: {
    version: number;
    predictions: number;
    labels: number;
    tests: TestView[];
    quality: { labelledRows: number; auc: number | null; logLoss: number | null } | null;
  }[];
}

export interface DatasetView {
  id: string;
  kind: string;
  ordinal: number;
  rows: number;
  labelledRows: number;
  eventTimeFromMs: number;
  eventTimeToMs: number;
  source: string;
}

/** A batch job of serving, from topic to topic. */
export interface JobView {
  name: string;
  state: 'starting' | 'running' | 'done' | 'stopped' | 'failed';
  answered: number;
  refused: number;
  remaining?: number;
  error: string;
}

/** Calls one URL; JSON in, JSON out. */
export async function call<T>(
  method: string,
  url: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: body === undefined ? {} : { 'content-type': contentType },
      body: body === undefined ? undefined : contentType === 'application/json' ? JSON.stringify(body) : String(body),
      signal: AbortSignal.timeout(CALL_DEADLINE_MS),
    });
  } catch (thrown) {
    throw new PlatformError('unavailable', `${method} ${url}: no answer; is the platform up? Try \`millrace status\``, {
      cause: thrown,
    });
  }
  const text = await response.text();
  if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw errorOf(response.status, text, `${method} ${new URL(url).pathname}`);
}

function errorOf(status: number, text: string, what: string): PlatformError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code?: string; message?: string; faults?: unknown; facts?: object };
    };
    if (typeof error === 'object' && error !== null) {
      const code = ERROR_CODES.includes(error.code as ErrorCode) ? (error.code as ErrorCode) : 'internal';
      const facts = (error.facts ?? {}) as Record<string, string>;
      return new PlatformError(code, error.message ?? `${what}: status ${status}`, { facts });
    }
  } catch {
    // Not JSON: the status and the first line say what there is to say.
  }
  return new PlatformError(
    status === 404 ? 'not_found' : 'internal',
    `${what}: status ${status} ${text.slice(0, 200)}`,
  );
}

export class ControlClient {
  constructor(private readonly at: Addresses) {}

  applyProject(text: string): Promise<{ name: string; revision: number }> {
    return call('POST', `${this.at.ingest}/v1/projects`, text, 'application/yaml');
  }

  inferColumns(project: string, sample: unknown): Promise<{ columns: unknown[] }> {
    return call('POST', `${this.at.ingest}/v1/projects/${project}/infer`, sample);
  }

  startImport(project: string, request: object): Promise<{ importId: string }> {
    return call('POST', `${this.at.ingest}/v1/projects/${project}/imports`, request);
  }

  importState(project: string, id: string): Promise<ImportState> {
    return call('GET', `${this.at.ingest}/v1/projects/${project}/imports/${id}`);
  }

  datasets(project: string): Promise<DatasetView[]> {
    return listOf(call('GET', `${this.at.ingest}/v1/projects/${project}/datasets`), 'datasets');
  }

  deadLetters(project: string, limit: number): Promise<{ total: number; deadLetters: Record<string, unknown>[] }> {
    return call('GET', `${this.at.ingest}/v1/deadletters?project=${project}&limit=${limit}`);
  }

  redrive(id: string): Promise<unknown> {
    return call('POST', `${this.at.ingest}/v1/deadletters/${encodeURIComponent(id)}/redrive`, {});
  }

  sendRecords(project: string, records: unknown): Promise<{ accepted: number; rejected: unknown[] }> {
    return call('POST', `${this.at.ingest}/v1/projects/${project}/records`, records);
  }

  startTraining(project: string, request: Partial<Omit<TrainingRequest, 'project'>>): Promise<{ trainingId: string }> {
    return call('POST', `${this.at.trainer}/v1/projects/${project}/trainings`, request);
  }

  training(project: string, id: string): Promise<TrainingView> {
    return call('GET', `${this.at.trainer}/v1/projects/${project}/trainings/${id}`);
  }

  models(project: string): Promise<ModelVersion[]> {
    return listOf(call('GET', `${this.at.trainer}/v1/projects/${project}/models`), 'models');
  }

  artifact<T>(project: string, version: number, path: string): Promise<T> {
    return call('GET', `${this.at.trainer}/v1/projects/${project}/models/${version}/artifacts/${path}`);
  }

  loop(project: string): Promise<Record<string, unknown>> {
    return call('GET', `${this.at.trainer}/v1/projects/${project}/loop`);
  }

  loopCommand(project: string, command: 'approve' | 'stop' | 'resume'): Promise<unknown> {
    return call('POST', `${this.at.trainer}/v1/projects/${project}/loop/${command}`, {});
  }

  async route(project: string): Promise<Route> {
    const { route } = await call<{ route: Route }>('GET', `${this.at.router}/v1/projects/${project}/route`);
    return route;
  }

  startRollout(project: string, request: object): Promise<{ switch?: Switch; route: Route }> {
    return call('POST', `${this.at.router}/v1/projects/${project}/rollouts`, request);
  }

  promote(project: string, request: object): Promise<{ switch: Switch; route: Route }> {
    return call('POST', `${this.at.router}/v1/projects/${project}/promote`, request);
  }

  rollback(project: string, request: object): Promise<{ switch: Switch; route: Route }> {
    return call('POST', `${this.at.router}/v1/projects/${project}/rollback`, request);
  }

  switches(project: string): Promise<Switch[]> {
    return listOf(call('GET', `${this.at.router}/v1/projects/${project}/switches`), 'switches');
  }

  servingStats(): Promise<{ predictions: number; dropped: number; queued: number }> {
    return call('GET', `${this.at.serving}/v1/stats`);
  }

  startJob(request: object): Promise<JobView> {
    return call('POST', `${this.at.serving}/v1/jobs`, request);
  }

  job(name: string): Promise<JobView> {
    return call('GET', `${this.at.serving}/v1/jobs/${encodeURIComponent(name)}`);
  }

  windows(project: string, limit = 1_000): Promise<WindowView[]> {
    return listOf(call('GET', `${this.at.monitor}/v1/projects/${project}/windows?limit=${limit}`), 'windows');
  }

  driftEvents(project: string): Promise<DriftEventView[]> {
    return listOf(call('GET', `${this.at.monitor}/v1/projects/${project}/drift-events`), 'driftEvents');
  }

  labelsJoined(project: string): Promise<{ labelsJoined: number; byVersion: Record<string, number> }> {
    return call('GET', `${this.at.monitor}/v1/projects/${project}/labels-joined`);
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
