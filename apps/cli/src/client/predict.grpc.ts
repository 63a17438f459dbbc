// A V2 client for the router's public gRPC door: one ModelInfer per row over a few connections.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { inferencePb } from '@millrace/contracts';
import type { Scalar } from '@millrace/domain';
import { systemClock } from '@millrace/domain';

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
  const inputs = [];
  const raw: Uint8Array[] = [];
  for (const input of signature) {
    const value = request.values[input.name] ?? null;
    if (value === null) continue;
    inputs.push({ name: input.name, datatype: DATATYPES[input.type], shape: [1n] });
    raw.push(rawValue(value, input.type));
  }
  return toBinary(
    inferencePb.ModelInferRequestSchema,
    create(inferencePb.ModelInferRequestSchema, {
      modelName: request.model,
      id: request.id,
      parameters: {
        entity: { parameterChoice: { case: 'stringParam', value: request.entity } },
        event_time_ms: { parameterChoice: { case: 'int64Param', value: BigInt(request.eventTimeMs) } },
      },
      inputs,
      rawInputContents: raw,
    }),
  );
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
  const response = fromBinary(inferencePb.ModelInferResponseSchema, bytes);
  let probability = Number.NaN;
  let label = '';
  response.outputs.forEach((output, i) => {
    const raw = response.rawOutputContents[i];
    if (raw === undefined) return;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    if (output.name === 'probability') probability = view.getFloat32(0, true);
    if (output.name === 'label') label = Buffer.from(raw.subarray(4, 4 + view.getUint32(0, true))).toString();
  });
  return { version: Number(response.modelVersion), probability, label };
}
