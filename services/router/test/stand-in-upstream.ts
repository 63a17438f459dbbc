// A V2 server that Millrace did not start, which does what it is told: answer, be slow, refuse, break off, answer what
// does not fit. Its one model is the sum of the two numbers of a row: x FP32 [N,2] -> sum FP32 [N,1].

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import {
  asBuffer,
  type BytesCall,
  type Method,
  type RunningHttp2Server,
  startHttp2Server,
  streaming,
  unary,
} from '@millrace/grpc';

const { ModelInferRequestSchema, ModelInferResponseSchema, ModelStreamInferResponseSchema } = inferencePb;
const at = (method: string) => `/${GRPCInferenceService.typeName}/${method}`;

export type Behaviour =
  | { kind: 'answer' }
  /** Never; the call's end is heard. */
  | { kind: 'silent' }
  | { kind: 'refuse'; status: number; message: string }
  /** Bytes that are no answer to what was asked. */
  | { kind: 'bytes'; response: Uint8Array }
  /** So many values instead of one a row. */
  | { kind: 'values'; count: number };

export class StandInUpstream {
  behaviour: Behaviour = { kind: 'answer' };
  /** Metadata of the last call. */
  headers: Record<string, string> = {};
  /** The last request as it came. */
  request: Uint8Array = new Uint8Array(0);
  /** The last answer as it left. */
  response: Uint8Array = new Uint8Array(0);
  timeoutMs = Number.POSITIVE_INFINITY;
  calls = 0;
  cancelled = 0;
  port = 0;
  httpPort = 0;
  private server: RunningHttp2Server | undefined;
  private http: Server | undefined;

  constructor(private readonly model = 'Sum_Model') {}

  async start(): Promise<void> {
    const methods = new Map<string, Method>([
      [at('ServerLive'), unary((call) => call.answer(Uint8Array.of(8, 1)))],
      [at('ServerReady'), unary((call) => call.answer(Uint8Array.of(8, 1)))],
      [at('ModelReady'), unary((call) => call.answer(Uint8Array.of(8, 1)))],
      [at('ServerMetadata'), unary((call) => call.answer(this.metadata()))],
      [at('ModelMetadata'), unary((call, request) => this.modelMetadata(call, request))],
      [at('ModelInfer'), unary((call, request) => this.infer(call, request))],
      [
        at('ModelStreamInfer'),
        streaming((stream) => {
          stream.onMessage = (message) => {
            const inferResponse = fromBinary(ModelInferResponseSchema, this.answer(message));
            const answer = create(ModelStreamInferResponseSchema, { inferResponse });
            stream.write(toBinary(ModelStreamInferResponseSchema, answer));
          };
          stream.onEnd = () => stream.end();
        }),
      ],
    ]);
    this.server = await startHttp2Server({ port: this.port, methods });
    this.port = this.server.port;
    if (this.http) return;
    this.http = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const [status, body] = this.rest(request.url ?? '', Buffer.concat(parts).toString());
        response.writeHead(status, { 'content-type': 'application/json', 'x-upstream': 'yes' });
        response.end(body);
      });
    });
    await new Promise<void>((listening) => this.http?.listen(0, '127.0.0.1', listening));
    this.httpPort = (this.http.address() as AddressInfo).port;
  }

  /** As a kill would; the port is free until start(). */
  async kill(): Promise<void> {
    await this.server?.close(0);
  }

  async stop(): Promise<void> {
    await this.kill();
    this.http?.closeAllConnections();
    this.http?.close();
  }

  private metadata(): Uint8Array {
    const { ServerMetadataResponseSchema: schema } = inferencePb;
    return toBinary(schema, create(schema, { name: 'stand-in', version: '7', extensions: ['sums'] }));
  }

  private modelMetadata(call: BytesCall, request: Uint8Array): void {
    const { name } = fromBinary(inferencePb.ModelMetadataRequestSchema, request);
    if (name !== this.model) {
      call.refuse(5, `no model is called ${name} here`);
      return;
    }
    const { ModelMetadataResponseSchema: schema } = inferencePb;
    call.answer(
      toBinary(
        schema,
        create(schema, {
          name,
          platform: 'sums',
          inputs: [{ name: 'x', datatype: 'FP32', shape: [-1n, 2n] }],
          outputs: [{ name: 'sum', datatype: 'FP32', shape: [-1n, 1n] }],
        }),
      ),
    );
  }

  private infer(call: BytesCall, request: Uint8Array): void {
    this.calls += 1;
    this.request = new Uint8Array(request);
    this.headers = Object.fromEntries(
      Array.from({ length: call.headers.length / 2 }, (_, i) => [call.headers[2 * i], call.headers[2 * i + 1]]),
    );
    this.timeoutMs = call.deadlineAtMs - call.arrivedAtMs;
    call.onCancel = () => {
      this.cancelled += 1;
    };
    const { behaviour } = this;
    if (behaviour.kind === 'silent') return;
    if (behaviour.kind === 'refuse') {
      call.refuse(behaviour.status, behaviour.message);
      return;
    }
    this.response =
      behaviour.kind === 'bytes'
        ? new Uint8Array(behaviour.response)
        : this.answer(request, behaviour.kind === 'values' ? behaviour.count : undefined);
    call.answer(this.response);
  }

  private answer(request: Uint8Array, values?: number) {
    const { modelName, id, rawInputContents } = fromBinary(ModelInferRequestSchema, request);
    const x = new Float32Array(new Uint8Array(rawInputContents[0] ?? []).buffer);
    const count = values ?? x.length / 2;
    const sums = Float32Array.from({ length: count }, (_, row) => (x[2 * row] ?? 0) + (x[2 * row + 1] ?? 0));
    return toBinary(
      ModelInferResponseSchema,
      create(ModelInferResponseSchema, {
        modelName,
        modelVersion: '1',
        id,
        outputs: [{ name: 'sum', datatype: 'FP32', shape: [BigInt(count), 1n] }],
        rawOutputContents: [asBuffer(new Uint8Array(sums.buffer))],
      }),
    );
  }

  private rest(url: string, body: string): [number, string] {
    if (url === `/v2/models/${this.model}/infer`) {
      const { id, inputs } = JSON.parse(body) as { id?: string; inputs: { data: number[]; shape: number[] }[] };
      const x = inputs[0]?.data ?? [];
      const data = Array.from({ length: x.length / 2 }, (_, row) => (x[2 * row] ?? 0) + (x[2 * row + 1] ?? 0));
      // An odd order of keys and a space: what a parser and a printer between would not keep.
      const output = JSON.stringify({ data, shape: [data.length, 1], datatype: 'FP32', name: 'sum' });
      return [200, `{"outputs": [${output}], "id": ${JSON.stringify(id ?? '')}, "model_name": "${this.model}"}`];
    }
    if (url === '/v2/health/ready') return [200, '{}'];
    if (url === '/v2') return [200, '{"name":"stand-in"}'];
    return [404, `{"error":"${url} is not here"}`];
  }
}
