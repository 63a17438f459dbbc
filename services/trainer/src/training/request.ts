// A request for a training, checked; and the plan of the training it leads to.

import { PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';

export interface TrainingRequest {
  project: string;
  datasetVersions: readonly string[];
  /** Rows from this event time on evaluate; 0 = the newest `evaluationShare`. */
  evaluateFromMs: number;
  /** 0 = the project's. */
  evaluationShare: number;
  /** 0 = from scratch. */
  warmStartVersion: number;
  /** 0 = the project's. */
  workers: number;
  seed: number;
  /** "initial", "drift", "schedule", "manual". */
  trigger: string;
  correlationId: string;
  /** The version to beat: undefined = the latest blessed one, 0 = none. */
  championVersion?: number;
}

const WORKERS_MAX = 64;
const DATASETS_MAX = 1_000;

/** Fills in what the request leaves to the project; faults are `invalid_argument`. */
export function completeRequest(request: TrainingRequest, project: Project): TrainingRequest {
  const bad = (reason: string) =>
    new PlatformError('invalid_argument', reason, { facts: { project: request.project } });
  const { datasetVersions } = request;
  if (datasetVersions.length === 0) throw bad('a training needs at least one dataset version');
  if (datasetVersions.length > DATASETS_MAX)
    throw bad(`${datasetVersions.length} dataset versions, at most ${DATASETS_MAX}`);
  const workers = request.workers === 0 ? project.training.workers : request.workers;
  if (!(workers >= 1 && workers <= WORKERS_MAX)) throw bad(`workers must be 1 to ${WORKERS_MAX}`);
  const evaluationShare = request.evaluationShare === 0 ? project.evaluation.share : request.evaluationShare;
  if (!(evaluationShare > 0 && evaluationShare < 1)) throw bad('evaluation share must lie between 0 and 1');
  return {
    ...request,
    workers,
    evaluationShare,
    datasetVersions: [...new Set(datasetVersions)],
    seed: request.seed === 0 ? project.training.seed : request.seed,
    trigger: request.trigger === '' ? 'manual' : request.trigger,
  };
}
