// A V2 client for many rows a request: ModelMetadata and ModelInfer over gRPC, to the router, to serving, or to any
// other server of the protocol. Bytes are coded by libs/inference.

import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import { GRPCInferenceService } from '@millrace/contracts';
import { PlatformError, systemClock } from '@millrace/domain';
import {
  type Datatype,
  decodeInferResponse,
  encodeInferRequest,
  type InferRequest,
  type InferResponse,
  type ModelMetadata,
  type RepositoryEntry,
} from '@millrace/inference';
import { createClient, type GrpcClient } from './client.js';
import { CHANNEL_OPTIONS } from './limits.js';
import { fromServiceError } from './status.js';

/** Many rows may wait behind other batches. */
const CALL_MS = 30_000;
/** What grpc-js says where it has no connection, and of what answers there but speaks no HTTP/2. */
const NOBODY = /^(?:No connection established|Connection dropped|Name resolution failed|Protocol error)/;
const same = (bytes: Buffer): Buffer => bytes;

export class InferClient {
  private readonly control: GrpcClient<typeof GRPCInferenceService>;
  private readonly bytes: Client;

  constructor(readonly address: string) {
    this.control = createClient(GRPCInferenceService, address);
    this.bytes = new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS);
  }

  /** Rejects with `unavailable` where nobody answers there. */
  waitForReady(withinMs: number): Promise<void> {
    return this.control.waitForReady(withinMs);
  }

  /** What the server knows of its models; '' = in its folder, not loaded. */
  async repositoryIndex(): Promise<RepositoryEntry[]> {
    const { models } = await this.control.repositoryIndex({});
    return models.map(({ name, version, state, reason }) => ({
      ...{ name, version, reason },
      state: state as RepositoryEntry['state'],
    }));
  }

  async metadata(model: string, version: string): Promise<ModelMetadata> {
    const answer = await this.control.modelMetadata({ name: model, version }).catch((thrown) => {
      throw this.told(thrown);
    });
    const specs = (tensors: typeof answer.inputs) =>
      tensors.map(({ name, datatype, shape }) => ({ name, datatype: datatype as Datatype, shape: shape.map(Number) }));
    const { name, versions, platform } = answer;
    return { name, versions, platform, inputs: specs(answer.inputs), outputs: specs(answer.outputs) };
  }

  /** Rejects with what the server said. */
  infer(request: InferRequest, callMs = CALL_MS): Promise<InferResponse> {
    const encoded = encodeInferRequest(request, (length) => Buffer.allocUnsafe(length));
    const deadline = systemClock.nowMs() + callMs;
    return new Promise((resolve, reject) => {
      this.bytes.makeUnaryRequest(
        '/inference.GRPCInferenceService/ModelInfer',
        same,
        same,
        encoded as Buffer,
        { deadline } as never,
        (error: ServiceError | null, response?: Buffer) => {
          if (error) {
            reject(this.told(error));
            return;
          }
          try {
            resolve(decodeInferResponse(response as Buffer));
          } catch (thrown) {
            reject(PlatformError.from(thrown));
          }
        },
      );
    });
  }

  /** grpc-js tells of sockets where nobody answers. */
  private told(thrown: unknown): PlatformError {
    const error = fromServiceError(thrown);
    if (error.code !== 'unavailable' || !NOBODY.test(error.reason)) return error;
    return new PlatformError(
      'unavailable',
      `no answer from ${this.address}; is the platform up, or another V2 server there? Try \`millrace status\``,
      { cause: thrown },
    );
  }

  close(): void {
    this.control.close();
    this.bytes.close();
  }
}
