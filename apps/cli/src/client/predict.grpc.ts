// A V2 client for the router's public gRPC door: one ModelInfer per row over a few connections.

import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Scalar } from '@millrace/domain';
import { systemClock } from '@millrace/domain';
import { decodeInferResponse, encodeInferRequest, Tensor } from '@millrace/inference';

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

const ONE = [1];
const METHOD = '/inference.GRPCInferenceService/ModelInfer';
const DATATYPES = { number: 'FP64', integer: 'INT64', text: 'BYTES', boolean: 'BOOL', timestamp: 'INT64' } as const;

export class PredictClient {
  private readonly clients: Client[];
  private turn = 0;

  constructor(
    address: string,
    private readonly signature: readonly SignatureInput[],
    connections = 2,
    private readonly deadlineMs = 5_000,
  ) {
    this.clients = Array.from(
      { length: connections },
      () => new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
    );
  }

  /** `onDone` gets the gRPC error, or the answer. */
  predict(request: PredictRequest, onDone: (error: ServiceError | null, answer: PredictAnswer | null) => void): void {
    const client = this.clients[this.turn++ % this.clients.length] as Client;
    const metadata = new Metadata();
    if (request.traceparent !== undefined) metadata.set('traceparent', request.traceparent);
    client.makeUnaryRequest(
      METHOD,
      (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      (bytes: Buffer) => bytes,
      encodeRequest(request, this.signature),
      metadata,
      { deadline: systemClock.nowMs() + this.deadlineMs },
      (error, bytes) => {
        if (error || bytes === undefined) onDone(error, null);
        else onDone(null, decodeAnswer(bytes));
      },
    );
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

/** One row as a ModelInferRequest with raw contents, one tensor a feature. A missing value leaves its tensor out. */
export function encodeRequest(request: PredictRequest, signature: readonly SignatureInput[]): Uint8Array {
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
