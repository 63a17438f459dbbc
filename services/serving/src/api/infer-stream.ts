// ModelStreamInfer without its transport: requests of one stream in, answers out, each with its request's id and
// parameter triton_final_response. As in Triton, answers of ordinary models keep the order of their requests; those of
// decoupled models leave as they come. An error travels in error_message, or ends the stream where the caller set
// triton_grpc_error.

import { PlatformError } from '@millrace/domain';
import { decodeInferRequest, encodeStreamResponse, type InferRequest, type InferResponse } from '@millrace/inference';
import type { Answer } from '../models/infer-job.js';
import type { InFlight } from '../models/served-model.js';

/** Requests of one stream that may be unanswered; beyond, reading pauses. */
export const STREAM_IN_FLIGHT_MAX = 1024;
/** Answers that wait for a caller who does not read; a decoupled model could write for ever. */
const UNREAD_BYTES_MAX = 64 * 1024 * 1024;

export interface StreamPorts {
  infer(request: InferRequest, answer: Answer): InFlight | undefined;
  /** False = the caller does not keep up; `drained` is called when it does again. */
  write(message: Uint8Array): boolean;
  end(): void;
  /** Ends the stream with a status. */
  fail(error: PlatformError): void;
  pause(): void;
  resume(): void;
  allocate(length: number): Uint8Array;
}

interface Slot {
  submitted: InFlight | undefined;
  /** Encoded answer that waits for those before it. */
  held: Uint8Array | undefined;
  settled: boolean;
  /** A decoupled model has begun to answer it: it keeps no order. */
  streams: boolean;
  next: Slot | undefined;
}

export class InferStream {
  /** Unanswered and held ones in order of arrival. */
  private first: Slot | undefined;
  private last: Slot | undefined;
  private inFlight = 0;
  private paused = false;
  private blocked = false;
  private unreadBytes = 0;
  private ended = false;
  private over = false;

  constructor(
    private readonly ports: StreamPorts,
    private readonly errorsAsStatus: boolean,
  ) {}

  message(bytes: Uint8Array): void {
    if (this.over) return;
    const slot: Slot = { submitted: undefined, held: undefined, settled: false, streams: false, next: undefined };
    if (this.last) this.last.next = slot;
    else this.first = slot;
    this.last = slot;
    this.inFlight++;
    this.flow();
    let request: InferRequest;
    try {
      request = decodeInferRequest(bytes);
    } catch (thrown) {
      this.failed(slot, PlatformError.from(thrown), undefined);
      return;
    }
    const submitted = this.ports.infer(request, (error, response, final) => {
      if (this.over || slot.settled) return;
      if (error) this.failed(slot, error, request);
      else this.answered(slot, response as InferResponse, final, request);
    });
    if (!slot.settled) slot.submitted = submitted;
  }

  /** The caller sends no more. */
  end(): void {
    this.ended = true;
    this.endIfDone();
  }

  /** The caller went away. */
  cancel(): void {
    this.over = true;
    for (let slot = this.first; slot; slot = slot.next) slot.submitted?.cancel();
    this.first = undefined;
    this.last = undefined;
  }

  drained(): void {
    this.blocked = false;
    this.unreadBytes = 0;
    this.flow();
  }

  private answered(slot: Slot, response: InferResponse, final: boolean, request: InferRequest): void {
    if (!final) slot.streams = true;
    const empty = final && response.outputs.length === 0;
    const message =
      empty && request.parameters.triton_enable_empty_final_response !== true
        ? undefined
        : encodeStreamResponse({ error: '', response, final }, this.ports.allocate);
    if (final) this.settle(slot, message);
    else if (message) this.write(message);
  }

  private failed(slot: Slot, error: PlatformError, request: InferRequest | undefined): void {
    if (this.errorsAsStatus) {
      this.cancel();
      this.ports.fail(error);
      return;
    }
    this.settle(slot, encodeStreamResponse({ error: error.reason, response: headOf(request), final: true }));
  }

  private settle(slot: Slot, message: Uint8Array | undefined): void {
    slot.settled = true;
    slot.submitted = undefined;
    this.inFlight--;
    if (slot === this.first || slot.streams) {
      if (message) this.write(message);
    } else slot.held = message;
    while (this.first?.settled) {
      const { held } = this.first;
      this.first = this.first.next;
      if (held) this.write(held);
      if (this.over) return;
    }
    if (!this.first) this.last = undefined;
    this.flow();
    this.endIfDone();
  }

  private write(message: Uint8Array): void {
    if (!this.ports.write(message)) this.blocked = true;
    if (!this.blocked) return;
    this.unreadBytes += message.length;
    if (this.unreadBytes > UNREAD_BYTES_MAX) {
      this.cancel();
      this.ports.fail(new PlatformError('overloaded', `more than ${UNREAD_BYTES_MAX} bytes of answers are not read`));
    } else this.flow();
  }

  /** Reads on while there is room for requests and the caller takes the answers. */
  private flow(): void {
    const pause = this.blocked || this.inFlight >= STREAM_IN_FLIGHT_MAX;
    if (pause === this.paused) return;
    this.paused = pause;
    if (pause) this.ports.pause();
    else this.ports.resume();
  }

  private endIfDone(): void {
    if (!this.ended || this.over || this.inFlight > 0) return;
    this.over = true;
    this.ports.end();
  }
}

/** A failed request is answered with its id, as far as it could be read. */
function headOf(request: InferRequest | undefined): InferResponse {
  const { id = '', modelName = '', modelVersion = '' } = request ?? {};
  return { id, modelName, modelVersion, parameters: {}, outputs: [] };
}
