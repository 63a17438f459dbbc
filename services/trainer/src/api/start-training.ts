// The body of POST /v1/projects/:p/trainings: StartTrainingRequest as JSON. Unknown keys are refused.

import { PlatformError, type TrainingRequest } from '@millrace/domain';
import { WORKERS_MAX } from '@millrace/project';

const KEYS = [
  'datasetVersions',
  'evaluateFromMs',
  'evaluationShare',
  'warmStartVersion',
  'workers',
  'seed',
  'reason',
  'trigger',
  'correlationId',
  'project',
  'championVersion',
];

export function parseStartTraining(project: string, body: unknown): TrainingRequest {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw new PlatformError('invalid_argument', 'the body must be a JSON object');
  const fields = body as Record<string, unknown>;
  const faults: string[] = Object.keys(fields)
    .filter((key) => !KEYS.includes(key))
    .map((key) => `unknown key "${key}"`);
  const number = (key: string, fits: (value: number) => boolean, what: string): number => {
    const value = fields[key] ?? 0;
    // int64 fields of protobuf JSON come as text.
    const read = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof read === 'number' && Number.isFinite(read) && fits(read)) return read;
    faults.push(`${key} must be ${what}`);
    return 0;
  };
  const text = (key: string): string => {
    const value = fields[key] ?? '';
    if (typeof value === 'string' && value.length <= 256) return value;
    faults.push(`${key} must be a text of at most 256 characters`);
    return '';
  };
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 0;
  const versions = fields.datasetVersions ?? [];
  const datasetVersions =
    Array.isArray(versions) && versions.every((id) => typeof id === 'string') ? (versions as string[]) : null;
  if (datasetVersions === null) faults.push('datasetVersions must be a list of texts');
  const request: TrainingRequest = {
    project,
    datasetVersions: datasetVersions ?? [],
    evaluateFromMs: number('evaluateFromMs', whole, 'a whole number of milliseconds'),
    evaluationShare: number('evaluationShare', (value) => value >= 0 && value < 1, 'a share below 1'),
    warmStartVersion: number('warmStartVersion', whole, 'a version'),
    workers: number('workers', (value) => whole(value) && value <= WORKERS_MAX, `0 to ${WORKERS_MAX}`),
    seed: number('seed', (value) => whole(value) && value < 2 ** 32, 'a whole number below 2^32'),
    trigger: text('trigger') || text('reason'),
    correlationId: text('correlationId'),
    ...(fields.championVersion === undefined ? {} : { championVersion: number('championVersion', whole, 'a version') }),
  };
  if (fields.project !== undefined && fields.project !== project) faults.push('project does not match the path');
  if (faults.length > 0)
    throw new PlatformError('invalid_argument', faults.join('; '), { facts: { faults: faults.length } });
  return request;
}
