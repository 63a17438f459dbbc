// The call that predicts one row of the command line.

import { PlatformError } from '@millrace/domain';
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
