// Unary calls to serving: V2 rpcs that are forwarded as bytes, and the readiness probe of a rollout.

import { type ChannelOptions, Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { GRPCInferenceService } from '@millrace/contracts';
import type { Clock, ErrorCode } from '@millrace/domain';
import { fromServiceError } from '@millrace/grpc';
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS, MESSAGE_BYTES_MAX } from './exchange.grpc.js';

const identity = (bytes: Buffer): Buffer => bytes;

const SERVING_CHANNEL: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': BACKOFF_MIN_MS,
  'grpc.min_reconnect_backoff_ms': BACKOFF_MIN_MS,
  'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': -1,
  // The 64 KiB default makes a round trip per 64 KiB of answers.
  'grpc-node.flow_control_window': 4_194_304,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_channelz': 0,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.service_config_disable_resolution': 1,
};

/** Metadata, health and statistics answer at once or not at all. */
const UNARY_TIMEOUT_MS = 5_000;
/** One readiness question; a rollout asks many times. */
const PROBE_TIMEOUT_MS = 1_000;

/** `code` is the exact one, which V2's statuses do not tell. */
export type UnaryAnswer =
  | { kind: 'ok'; response: Buffer }
  | { kind: 'error'; status: number; message: string; code: ErrorCode };

export class ServingClient {
  private readonly client: Client;

  constructor(
    address: string,
    private readonly clock: Clock,
  ) {
    this.client = new Client(address, credentials.createInsecure(), SERVING_CHANNEL);
  }

  /** `deadlineMs` is on the wall clock. */
  unary(
    path: string,
    request: Buffer,
    deadlineMs: number,
    answer: (answer: UnaryAnswer) => void,
    timeoutMaxMs = UNARY_TIMEOUT_MS,
  ): () => void {
    const deadline = Math.min(deadlineMs, this.clock.nowMs() + timeoutMaxMs);
    const done = (error: ServiceError | null, response?: Buffer) => {
      if (error) {
        const { code } = fromServiceError(error);
        answer({ kind: 'error', status: error.code, message: error.details || error.message, code });
      } else answer({ kind: 'ok', response: response ?? Buffer.alloc(0) });
    };
    const call = this.client.makeUnaryRequest(path, identity, identity, request, new Metadata(), { deadline }, done);
    return () => call.cancel();
  }

  /** V2 ModelReady; anything but a clear yes is a no. ModelReadyRequest{1 name, 2 version} → {1 ready}. */
  modelReady(model: string, version: number): Promise<boolean> {
    const name = Buffer.from(model);
    const text = Buffer.from(String(version));
    const request = Buffer.concat([Buffer.from([0x0a, name.length]), name, Buffer.from([0x12, text.length]), text]);
    const path = `/${GRPCInferenceService.typeName}/ModelReady`;
    return new Promise((resolve) => {
      this.unary(path, request, this.clock.nowMs() + PROBE_TIMEOUT_MS, (answer) =>
        resolve(answer.kind === 'ok' && answer.response.length === 2 && answer.response[1] === 1),
      );
    });
  }

  close(): void {
    this.client.close();
  }
}
