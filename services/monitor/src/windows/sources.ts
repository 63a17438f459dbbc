// What a project's monitor asks of the outside.

import type { Evaluation } from '@millrace/evaluation';
import type { WatchedInput } from '@millrace/features';
import type { ProjectTrafficState } from '../software/traffic-history.js';
import type { VersionReference } from './profile.js';

export interface ModelMetadata {
  /** undefined where nobody applied the project. */
  createdAtMs(project: string): number | undefined;
  reference(project: string, version: number): VersionReference | undefined;
  /** Of a version whose package brings no reference, in the order of a prediction's features. */
  inputsWithoutReference(project: string, version: number): readonly WatchedInput[] | undefined;
  evaluation(project: string, version: number): Evaluation | undefined;
}

export interface TrafficRecord {
  /** Requests and failures at the router between two processing times; 0 requests: nothing was counted. */
  between(
    project: string,
    version: number | 'all',
    fromMs: number,
    toMs: number,
  ): { requests: number; failures: number };
  /** Processing time of the last reading; 0: there was none. */
  readAtMs(project: string): number;
  /** What was counted since a processing time, to be saved; undefined where the project was never read. */
  state(project: string, sinceMs: number): ProjectTrafficState | undefined;
  restore(project: string, state: ProjectTrafficState): void;
}
