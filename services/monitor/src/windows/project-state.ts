// The saved form of one project's monitor, as plain JSON.

import type { ProjectTrafficState } from '../software/traffic-history.js';
import type { OwnReferenceState } from './own-references.js';
import type { PartState } from './partition-part.js';
import type { JudgeState } from './project-judge.js';

export interface ProjectState {
  project: string;
  /** Of the project: another one of this name does not take it over. */
  createdAtMs: number;
  windowMs: number;
  task: string;
  judge: JudgeState;
  parts: PartState[];
  references: OwnReferenceState[];
  /** Absent where the router was never read. */
  traffic?: ProjectTrafficState | undefined;
}
