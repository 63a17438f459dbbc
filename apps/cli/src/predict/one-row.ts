// One row from the command line: its values and time as they were written, and the call that predicts it.

import { type Clock, PlatformError, type Scalar } from '@millrace/domain';
import { InferClient } from '../client/infer.grpc.js';
import {
  type PredictAnswer,
  PredictClient,
  type PredictRequest,
  type SignatureInput,
} from '../client/predict.http2.js';

const TYPES: Record<string, SignatureInput['type']> = {
  FP64: 'number',
  FP32: 'number',
  INT64: 'integer',
  INT32: 'integer',
  BYTES: 'text',
  BOOL: 'boolean',
};
/** A call's gRPC status that has a code of its own here; the others are internal. */
const CODES = new Map([
  [3, 'invalid_argument'],
  [4, 'deadline_exceeded'],
  [5, 'not_found'],
  [14, 'unavailable'],
] as const);

/** Feature values by name. Throws invalid_argument where the text is something else. */
export function rowOf(text: string): Record<string, Scalar> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new PlatformError(
      'invalid_argument',
      `--row is no JSON (${(thrown as Error).message}): write '{"name": value}'`,
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new PlatformError('invalid_argument', `--row is no JSON object of features: write '{"name": value}'`);
  for (const [name, value] of Object.entries(json)) {
    if (typeof value === 'object' && value !== null)
      throw new PlatformError('invalid_argument', `--row: '${name}' is no number, text, boolean or null`);
  }
  return json as Record<string, Scalar>;
}

/** Now where none is given. */
export function rowTimeOf(text: string | undefined, clock: Clock): number {
  const ms = text === undefined ? clock.nowMs() : Date.parse(text);
  if (Number.isNaN(ms))
    throw new PlatformError('invalid_argument', `--event-time ${text}: write a date like 2026-01-31T12:00Z`);
  return ms;
}

/** `endpoint`: host:port of a V2 gRPC endpoint. Rejects with what the server said. */
export async function predictOne(endpoint: string, row: Omit<PredictRequest, 'id'>): Promise<PredictAnswer> {
  const models = new InferClient(endpoint);
  let signature: SignatureInput[];
  try {
    const { inputs } = await models.metadata(row.model, row.version ?? '');
    signature = inputs.map(({ name, datatype }) => ({ name, type: TYPES[datatype] ?? 'number' }));
  } finally {
    models.close();
  }
  const client = new PredictClient(endpoint, signature, 1);
  try {
    return await new Promise((done, reject) => {
      client.predict({ ...row, id: '' }, (error, answer) => {
        if (error) reject(new PlatformError(CODES.get(error.code as 3) ?? 'internal', error.message));
        else done(answer as PredictAnswer);
      });
    });
  } finally {
    client.close();
  }
}
