// A V2 client for the router's public gRPC endpoint: one ModelInfer per row, typed by the model's signature.

import { type Scalar, systemClock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';
import { decodeInferResponse, encodeInferRequest, Tensor } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';

/** One input of the model's signature. */
export interface SignatureInput {
  name: string;
  type: 'number' | 'integer' | 'text' | 'boolean' | 'timestamp';
}

export interface PredictRequest {
  model: string;
  id: string;
  entity: string;
  eventTimeMs: number;
  values: Readonly<Record<string, Scalar>>;
  /** W3C traceparent; the whole path is traced when its sampled flag is set. */
  traceparent?: string;
}

export interface PredictAnswer {
  version: number;
  probability: number;
  label: string;
}

export interface CallError {
  /** gRPC status; 14 where the connection broke, 4 after the deadline. */
  code: number;
  message: string;
}

type OnDone = (error: CallError | null, answer: PredictAnswer | null) => void;

const ONE = [1];
const METHOD = '/inference.GRPCInferenceService/ModelInfer';
const DATATYPES = { number: 'FP64', integer: 'INT64', text: 'BYTES', boolean: 'BOOL', timestamp: 'INT64' } as const;
const DEADLINE_MS = 5_000;
/** One row of a project's model: a version, a probability, a label. */
const ANSWER_BYTES_MAX = 1_000_000;

export class PredictClient {
  private readonly client: BytesClient;

  constructor(
    address: string,
    private readonly signature: readonly SignatureInput[],
  ) {
    this.client = new BytesClient(address, systemClock, ANSWER_BYTES_MAX);
  }

  /** `onDone` is called once: with the error, or the answer. */
  predict(request: PredictRequest, onDone: OnDone): void {
    const { traceparent } = request;
    const headers: Record<string, string> = traceparent === undefined ? {} : { traceparent };
    const call = { path: METHOD, deadlineAtMs: systemClock.monotonicMs() + DEADLINE_MS, headers };
    this.client.unary(call, encodeRequest(request, this.signature), ({ status, message, response }) => {
      if (status !== GRPC_STATUS.OK) return onDone({ code: status, message }, null);
      try {
        onDone(null, decodeAnswer(response));
      } catch (thrown) {
        onDone({ code: GRPC_STATUS.INTERNAL, message: (thrown as Error).message }, null);
      }
    });
  }

  close(): void {
    this.client.close();
  }
}

/** One row as a ModelInferRequest with raw contents, one tensor a feature. A missing value leaves its tensor out. */
function encodeRequest(request: PredictRequest, signature: readonly SignatureInput[]): Uint8Array {
  const inputs: Tensor[] = [];
  for (const input of signature) {
    const value = request.values[input.name] ?? null;
    if (value !== null) inputs.push(Tensor.raw(input.name, DATATYPES[input.type], ONE, rawValue(value, input.type)));
  }
  return encodeInferRequest({
    modelName: request.model,
    modelVersion: '',
    id: request.id,
    parameters: { entity: request.entity, event_time_ms: BigInt(request.eventTimeMs) },
    inputs,
    outputs: [],
  });
}

function rawValue(value: number | string | boolean, type: SignatureInput['type']): Uint8Array {
  if (type === 'text') {
    const text = Buffer.from(String(value));
    const bytes = Buffer.allocUnsafe(4 + text.length);
    bytes.writeUInt32LE(text.length);
    text.copy(bytes, 4);
    return bytes;
  }
  if (type === 'boolean') return Uint8Array.of(value ? 1 : 0);
  const bytes = Buffer.allocUnsafe(8);
  if (type === 'number') bytes.writeDoubleLE(Number(value));
  else bytes.writeBigInt64LE(BigInt(Math.round(Number(value))));
  return bytes;
}

function decodeAnswer(bytes: Uint8Array): PredictAnswer {
  const response = decodeInferResponse(bytes);
  const output = (name: string) => response.outputs.find((tensor) => tensor.name === name);
  return {
    version: Number(response.modelVersion),
    probability: output('probability')?.number(0) ?? Number.NaN,
    label: output('label')?.texts()[0] ?? '',
  };
}
