// Clients that say exactly what a test wants to say: HTTP with any method, header and bytes, gRPC with any bytes and
// metadata.

import { request } from 'node:http';
import { fromBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { inferencePb } from '@millrace/contracts';

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** Of a JSON body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of many shapes
  json(): any;
}

export interface HttpCall {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
}

export function http(base: string, path: string, call: HttpCall = {}): Promise<HttpAnswer> {
  const { method = call.body === undefined ? 'GET' : 'POST', headers = {}, body } = call;
  return new Promise((resolve, reject) => {
    const sent = request(`${base}${path}`, { method, headers, agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          json: () => JSON.parse(bytes.toString()),
        });
      });
    });
    sent.on('error', reject);
    sent.setTimeout(20_000, () => sent.destroy(new Error(`${method} ${path} was not answered`)));
    sent.end(body);
  });
}

/** JSON and binary tensors behind it, as the binary tensor data extension has them. */
export function binaryBody(json: object, ...tensors: Uint8Array[]): { headers: Record<string, string>; body: Buffer } {
  const head = Buffer.from(JSON.stringify(json));
  return {
    headers: { 'inference-header-content-length': String(head.length), 'content-type': 'application/octet-stream' },
    body: Buffer.concat([head, ...tensors]),
  };
}

export interface RpcAnswer {
  code: number;
  details: string;
  response: Buffer | undefined;
}

const same = (bytes: Buffer): Buffer => bytes;
const SERVICE = '/inference.GRPCInferenceService';

export interface StreamAnswer {
  error: string;
  id: string;
  outputs: number;
  final: unknown;
  response: inferencePb.ModelInferResponse | undefined;
}

export class RawGrpc {
  private readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': 64 * 1024 * 1024,
    });
  }

  unary(method: string, bytes: Uint8Array, headers: Record<string, string> = {}): Promise<RpcAnswer> {
    const path = method.startsWith('/') ? method : `${SERVICE}/${method}`;
    return new Promise((resolve) => {
      this.client.makeUnaryRequest<Buffer, Buffer>(
        path,
        same,
        same,
        Buffer.from(bytes),
        metadataOf(headers),
        { deadline: Date.now() + 20_000 },
        (error: ServiceError | null, response?: Buffer) =>
          resolve({ code: error?.code ?? 0, details: error?.details ?? '', response }),
      );
    });
  }

  /** Sends all, ends, and gives what came back and how it ended. */
  stream(
    requests: readonly Uint8Array[],
    headers: Record<string, string> = {},
    method = 'ModelStreamInfer',
  ): Promise<{ answers: StreamAnswer[]; code: number; details: string }> {
    return new Promise((resolve) => {
      const answers: StreamAnswer[] = [];
      const call = this.client.makeBidiStreamRequest<Buffer, Buffer>(
        `${SERVICE}/${method}`,
        same,
        same,
        metadataOf(headers),
        { deadline: Date.now() + 20_000 },
      );
      call.on('data', (bytes: Buffer) => answers.push(streamAnswer(bytes)));
      // The status says the same.
      call.on('error', () => undefined);
      call.on('status', ({ code, details }) => resolve({ answers, code, details }));
      for (const bytes of requests) call.write(Buffer.from(bytes));
      call.end();
    });
  }

  close(): void {
    this.client.close();
  }
}

function metadataOf(headers: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

function streamAnswer(bytes: Buffer): StreamAnswer {
  const { errorMessage, inferResponse } = fromBinary(inferencePb.ModelStreamInferResponseSchema, bytes);
  return {
    error: errorMessage,
    id: inferResponse?.id ?? '',
    outputs: inferResponse?.outputs.length ?? 0,
    final: inferResponse?.parameters.triton_final_response?.parameterChoice.value,
    response: inferResponse,
  };
}
