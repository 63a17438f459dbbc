// A serving for tests of the router: the real RelayService and V2 protos, answering each request with the version it
// was sent to. Versions are loaded by hand; a version that is not loaded answers NOT_FOUND, as the real one does.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { GRPCInferenceService, inferencePb, RelayService, relayPb } from '@millrace/contracts';
import { asBuffer, serviceDefinition } from '@millrace/grpc';

type Exchange = ServerDuplexStream<relayPb.ExchangeRequest, relayPb.ExchangeResponse>;

/** How a version answers its n-th request; nothing said: at once, with a score of its own. */
export interface Behaviour {
  status?: number;
  delayMs?: number;
  score?: number;
}

export class StandInServing {
  readonly loaded = new Set<number>();
  /** By version. */
  readonly behaviours = new Map<number, (n: number) => Behaviour>();
  private answers = 0;
  /** Frames seen, newest last, at most 10,000. */
  readonly frames: relayPb.RequestFrame[] = [];
  /** Answers are held back so long. */
  delayMs = 0;
  /** What a version does instead of answering. */
  readonly broken = new Map<number, 'errs' | 'hangs' | 'answers NaN'>();
  private server: Server | undefined;
  port = 0;

  async start(port = this.port): Promise<number> {
    const server = new Server({ 'grpc.max_receive_message_length': -1 });
    server.addService(serviceDefinition(RelayService), { Exchange: (call: Exchange) => this.exchange(call) });
    server.addService(serviceDefinition(GRPCInferenceService), {
      ModelReady: (
        call: ServerUnaryCall<inferencePb.ModelReadyRequest, inferencePb.ModelReadyResponse>,
        done: sendUnaryData<inferencePb.ModelReadyResponse>,
      ) =>
        done(
          null,
          create(inferencePb.ModelReadyResponseSchema, { ready: this.loaded.has(Number(call.request.version)) }),
        ),
      ModelMetadata: (
        call: ServerUnaryCall<inferencePb.ModelMetadataRequest, inferencePb.ModelMetadataResponse>,
        done: sendUnaryData<inferencePb.ModelMetadataResponse>,
      ) =>
        done(
          null,
          create(inferencePb.ModelMetadataResponseSchema, {
            name: call.request.name,
            versions: [call.request.version],
          }),
        ),
    });
    this.port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.server = server;
    return this.port;
  }

  /** As a kill would: connections are cut, nothing is answered any more. */
  stop(): void {
    this.server?.forceShutdown();
    this.server = undefined;
  }

  private exchange(call: Exchange): void {
    call.on('data', (message: relayPb.ExchangeRequest) => {
      const asked = message.frames.filter((frame) => !frame.cancelled && this.broken.get(frame.version) !== 'hangs');
      const frames: relayPb.ResponseFrame[] = [];
      for (const frame of asked) {
        const behaviour = this.behaviours.get(frame.version)?.(this.answers++) ?? {};
        const answer = this.answer(frame, behaviour);
        if (behaviour.delayMs === undefined) frames.push(answer);
        else
          setTimeout(() => {
            if (!call.cancelled) call.write(create(relayPb.ExchangeResponseSchema, { frames: [answer] }));
          }, behaviour.delayMs);
      }
      for (const frame of message.frames) this.frames.push(frame);
      if (this.frames.length > 10_000) this.frames.splice(0, this.frames.length - 10_000);
      const send = () => {
        if (!call.cancelled) call.write(create(relayPb.ExchangeResponseSchema, { frames }));
      };
      if (this.delayMs === 0) send();
      else setTimeout(send, this.delayMs);
    });
    call.on('error', () => undefined);
    call.on('end', () => call.end());
  }

  private answer(frame: relayPb.RequestFrame, { status = 0, score }: Behaviour): relayPb.ResponseFrame {
    if (!this.loaded.has(frame.version)) {
      // Version 0: the model has no route, and this serving has none of its own.
      const message =
        frame.version === 0 ? `model '${frame.model}' is not known` : `version ${frame.version} is not loaded`;
      return create(relayPb.ResponseFrameSchema, { id: frame.id, status: 5, message });
    }
    if (this.broken.get(frame.version) === 'errs')
      return create(relayPb.ResponseFrameSchema, { id: frame.id, status: 13, message: 'the model failed' });
    if (status !== 0) return create(relayPb.ResponseFrameSchema, { id: frame.id, status, message: 'as it was told' });
    const told = this.broken.get(frame.version) === 'answers NaN' ? Number.NaN : (score ?? frame.version / 10);
    const { id } = fromBinary(inferencePb.ModelInferRequestSchema, frame.request);
    const response = create(inferencePb.ModelInferResponseSchema, {
      modelName: frame.model,
      modelVersion: String(frame.version),
      id,
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [1n] }],
      rawOutputContents: [asBuffer(new Uint8Array(new Float32Array([told]).buffer))],
    });
    const bytes = frame.stream
      ? toBinary(
          inferencePb.ModelStreamInferResponseSchema,
          create(inferencePb.ModelStreamInferResponseSchema, { inferResponse: response }),
        )
      : toBinary(inferencePb.ModelInferResponseSchema, response);
    return create(relayPb.ResponseFrameSchema, { id: frame.id, response: bytes });
  }
}
