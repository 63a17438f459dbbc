// The saved form of a partition number: what was counted of each project in it, and the positions it stands for. Plain
// JSON.

import type { ArchiveState } from '../archive/archive.js';
import type { PartState } from './partition-part.js';
import type { PositionState } from './positions.js';

/**
 * 1: of release 0.1.0, by model version; 2: of a project's partitions together, in a folder of the process; 3: of a
 * number in one file; 4: in pieces.
 */
export const STATE_FORMAT = 4;

export interface PartOfProject {
  project: string;
  createdAtMs: number;
  windowMs: number;
  task: string;
  part: PartState;
}

export interface NumberState {
  partition: number;
  positions: PositionState[];
  parts: PartOfProject[];
  /** Absent in states of a release without an archive. */
  archive?: ArchiveState;
}
