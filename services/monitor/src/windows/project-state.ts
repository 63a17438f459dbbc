// The saved form of one project's monitor, as plain JSON.

import type { WatermarkState } from '@millrace/domain';
import type { AlarmBoardState } from '../alarms/alarm-board.js';
import type { QualityBucketState } from '../quality/quality-book.js';
import type { Counters } from './counters.js';
import type { OpenWindowState } from './open-window.js';
import type { Stream } from './positions.js';

export interface ProjectState {
  project: string;
  windowMs: number;
  watermark: WatermarkState<Stream>;
  /** null before the first window closed. */
  closedThroughMs: number | null;
  retiredThroughMs: number | null;
  windows: OpenWindowState[];
  /** Of windows that are not retired. */
  quality: QualityBucketState[];
  alarms: AlarmBoardState;
  counters: Counters;
}
