// What worker processes of one port say to each other through their primary. They go by structured clone, so that maps,
// bytes and typed arrays stay what they are.

import type { VersionStatistics } from '@millrace/inference';
import type { LoadParameters } from '../models/repository-control.js';
import type { LogState } from '../models/stats.js';

export type Question =
  /** Counters of every version it serves. */
  | { kind: 'statistics' }
  /** Its own metrics as Prometheus text. */
  | { kind: 'metrics' }
  /** Whether this worker would answer for the version. */
  | { kind: 'ready'; model: string; version: string }
  | { kind: 'load'; model: string; parameters: LoadParameters }
  | { kind: 'unload'; model: string; dependents: boolean };

/** A version of one worker; `statistics` without methods after the clone. */
export interface WorkerModel {
  name: string;
  version: number;
  waiting: number;
  decoupled: boolean;
  responseCache: boolean;
  statistics: VersionStatistics;
}

export interface WorkerStatistics {
  models: WorkerModel[];
  log: LogState;
}

export interface WireError {
  code: string;
  reason: string;
}

export type Reply = { worker: string; value: unknown } | { worker: string; error: WireError };

export type ToPrimary =
  | { to: 'primary'; kind: 'ask'; id: number; question: Question }
  | { to: 'primary'; kind: 'reply'; id: number; value?: unknown; error?: WireError }
  /** After its own start: which loads and unloads the others have had. */
  | { to: 'primary'; kind: 'catch-up'; id: number }
  /** It listens and answers questions. */
  | { to: 'primary'; kind: 'ready' };

export type ToWorker =
  | { to: 'worker'; kind: 'question'; id: number; question: Question }
  | { to: 'worker'; kind: 'replies'; id: number; replies: Reply[] };

/** A load or unload, as opposed to a look. */
export function isChange(question: Question): question is Extract<Question, { kind: 'load' | 'unload' }> {
  return question.kind === 'load' || question.kind === 'unload';
}
