// The registration that a call of the HTTP API asks for, checked as far as it can be without the files. What they are
// follows from their names: a single .onnx file, or the files of a SavedModel folder.

import { bodyOf, trainerApi } from '@millrace/api';
import { PlatformError, type RegistrationRequest, type TrainingRequest } from '@millrace/domain';

export type ModelFormat = 'onnx' | 'savedmodel';

export const ONNX_FILE = 'model.onnx';
const SAVED_MODEL_FILE = 'saved_model.pb';
/** What TensorFlow writes into a SavedModel: names joined by "/", none of them hidden or "..". */
const SAVED_MODEL_PATH = /^(?:[A-Za-z0-9][A-Za-z0-9._=-]*\/)*[A-Za-z0-9][A-Za-z0-9._=-]*$/;
/** Folders within folders; a SavedModel has two. */
const PATH_DEPTH_MAX = 6;

/** @throws PlatformError 'invalid_argument' with what is wrong */
export function registrationRequest(project: string, body: unknown): TrainingRequest {
  const {
    files,
    upstream,
    inputs = [],
    outputs = [],
    datasetVersions,
    evaluationShare = 0,
    reason = '',
    projectRevision,
    leaveOutUnfit,
  } = bodyOf(trainerApi.endpoints.registerModel, body);
  if ((files === undefined) === (upstream === undefined))
    throw new PlatformError(
      'invalid_argument',
      'name either the files of the model or an upstream that answers for it',
    );
  const registration: RegistrationRequest = { files: files ?? [], upstream, inputs, outputs };
  if (files !== undefined) formatOf(registration.files);
  const rest = { evaluateFromMs: 0, warmStartVersion: 0, workers: 0, seed: 0, correlationId: '' };
  return {
    project,
    projectRevision,
    leaveOutUnfit,
    datasetVersions,
    evaluationShare,
    ...rest,
    trigger: reason || 'registration',
    registration,
  };
}

/** @throws PlatformError 'invalid_argument' where the names are those of no model */
export function formatOf(files: RegistrationRequest['files']): ModelFormat {
  const paths = files.map(({ path }) => path);
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) throw new PlatformError('invalid_argument', `file ${twice} is named twice`);
  if (paths.length === 1 && paths[0] === ONNX_FILE) return 'onnx';
  const bad = paths.find((path) => !SAVED_MODEL_PATH.test(path) || path.split('/').length > PATH_DEPTH_MAX);
  if (bad !== undefined) {
    throw new PlatformError('invalid_argument', `'${bad}' is no place of a file within a SavedModel folder`);
  }
  if (paths.includes(SAVED_MODEL_FILE)) return 'savedmodel';
  throw new PlatformError(
    'invalid_argument',
    `a model is one file ${ONNX_FILE}, or a SavedModel folder with ${SAVED_MODEL_FILE}; these are ${paths.slice(0, 5).join(', ')}`,
  );
}
