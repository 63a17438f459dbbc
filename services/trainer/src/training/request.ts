// Checks a request for a training, and fills in what it leaves to the project.

import { PlatformError, type TrainingRequest } from '@millrace/domain';
import { nothingToLearn, type Project, WORKERS_MAX } from '@millrace/project';

const DATASETS_MAX = 1_000;

/**
 * Faults are `invalid_argument`. `evaluation.from` of the project holds for its first version: a later one is judged on
 * the newest rows, which is what it will meet.
 */
export function completeRequest(request: TrainingRequest, project: Project, isFirst: boolean): TrainingRequest {
  const bad = (reason: string) =>
    new PlatformError('invalid_argument', reason, { facts: { project: request.project } });
  const { registration } = request;
  if (registration === undefined && project.data.label === undefined) {
    throw bad(nothingToLearn(project.name));
  }
  if (request.evaluateFromMs !== 0 && project.data.eventTime === undefined) {
    throw bad(
      `evaluateFromMs (--evaluate-from) is an event time, and project '${project.name}' has none: say an evaluation share, by which a ` +
        `hash of the record id chooses, or name the time column with data.eventTime of the project file`,
    );
  }
  const { datasetVersions } = request;
  if (datasetVersions.length === 0 && registration === undefined)
    throw bad('a training needs at least one dataset version');
  if (datasetVersions.length > DATASETS_MAX)
    throw bad(`${datasetVersions.length} dataset versions, at most ${DATASETS_MAX}`);
  const workers = request.workers === 0 ? project.training.workers : request.workers;
  if (!(workers >= 1 && workers <= WORKERS_MAX)) throw bad(`workers must be 1 to ${WORKERS_MAX}`);
  const evaluationShare = request.evaluationShare === 0 ? project.evaluation.share : request.evaluationShare;
  if (!(evaluationShare > 0 && evaluationShare < 1)) throw bad('evaluation share must lie between 0 and 1');
  const leavesRange = request.evaluateFromMs === 0 && request.evaluationShare === 0;
  const evaluateFromMs = isFirst && leavesRange ? (project.evaluation.fromMs ?? 0) : request.evaluateFromMs;
  return {
    ...request,
    workers,
    evaluateFromMs,
    evaluationShare,
    datasetVersions: [...new Set(datasetVersions)],
    seed: request.seed === 0 ? project.training.seed : request.seed,
    trigger: request.trigger === '' ? 'manual' : request.trigger,
  };
}
