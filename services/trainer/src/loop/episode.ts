// What a loop does about one reason to retrain, from the reason to the version that comes of it. Pure data.

import type { Expectation } from './cost-known.js';
import type { RetrainTrigger } from './loop-triggers.js';

export interface Episode {
  /** Correlation id that every step of this episode carries. */
  id: string;
  /** Of the drift event that it answers; not there in a state of an earlier release. */
  eventId?: string;
  /** Retrainings for it before; likewise. */
  tries?: number;
  /** Likewise: drift. */
  trigger?: RetrainTrigger;
  /** Why it was begun, as a clause, where it answers no drift. */
  cause?: string;
  /** What it is to gain, where it was begun because it pays. */
  expected?: Expectation;
  /** Newest dataset versions that it is to learn from, where not `retrain.versions`. */
  versions?: number;
  /** The version in service that it was begun for; likewise. */
  ofVersion?: number;
  /** Empty where no drift is answered, and so is the detector. */
  feature: string;
  detector: string;
  windowStartMs: number;
  windowEndMs: number;
  startedAtMs: number;
  /** Chosen when the training starts. */
  datasetVersions: readonly string[];
  trainingId: string;
  /** The version the training made; 0 = none yet. */
  version: number;
}

/** Why the episode was begun, as a clause. */
export const causeOf = ({ cause, feature, detector }: Episode): string => cause ?? `drift of ${feature} (${detector})`;
