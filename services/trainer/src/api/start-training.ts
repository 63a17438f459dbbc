// The training that a call of the HTTP API asks for.

import { bodyOf, trainerApi } from '@millrace/api';
import type { TrainingRequest } from '@millrace/domain';

/** @throws PlatformError 'invalid_argument' with every fault of the body. */
export function trainingRequest(project: string, body: unknown): TrainingRequest {
  const { reason = '', ...fields } = bodyOf(trainerApi.endpoints.startTraining, body);
  return {
    project,
    evaluateFromMs: 0,
    evaluationShare: 0,
    warmStartVersion: 0,
    workers: 0,
    seed: 0,
    correlationId: '',
    ...fields,
    trigger: fields.trigger || reason,
  };
}
