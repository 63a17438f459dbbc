// The saved form of one project's monitor, as plain JSON.

import type { WatermarkState } from '@millrace/domain';
import type { ProjectAlarmsState } from '../alarms/project-alarms.js';
import type { QualityBucketState } from '../quality/quality-history.js';
import type { ProjectTrafficState } from '../software/traffic-history.js';
import type { Counters } from './counters.js';
import type { OpenWindowState } from './open-window.js';
import type { OwnReferenceState } from './own-references.js';
import type { Stream } from './positions.js';

export interface ProjectState {
  project: string;
  /** Of the project: another one of this name does not take it over. Not said by release 0.1.0. */
  createdAtMs?: number;
  windowMs: number;
  task: string;
  watermark: WatermarkState<Stream>;
  /** null before the first window closed. */
  closedThroughMs: number | null;
  retiredThroughMs: number | null;
  windows: OpenWindowState[];
  /** Of windows that are not retired. */
  quality: QualityBucketState[];
  alarms: ProjectAlarmsState;
  /** Absent in states of release 0.1. */
  references?: OwnReferenceState[];
  counters: Counters;
  /** Absent in states of release 0.2, and where the router was never read. */
  traffic?: ProjectTrafficState | undefined;
}
