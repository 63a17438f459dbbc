// From a request's bytes to a queued job, the same for every door (gRPC, relay stream, REST): decode, find the version,
// submit. Expected failures go to the answer, so that a door has one place to send from.

import { PlatformError } from '@millrace/domain';
import { decodeInferRequest, type InferRequest } from '@millrace/inference';
import type { ModelSet } from '../models/model-set.js';
import type { Ticket } from '../models/served-model.js';
import type { Answer, CallFacts } from './infer-job.js';

export type { Ticket } from '../models/served-model.js';

export class Predictor {
  private accepting = true;

  constructor(private readonly models: ModelSet) {}

  /** From now on new requests are refused with `unavailable`; those in flight are answered. */
  stopAccepting(): void {
    this.accepting = false;
  }

  inferBytes(bytes: Uint8Array, facts: CallFacts, answer: Answer): Ticket | undefined {
    let request: InferRequest;
    try {
      request = decodeInferRequest(bytes);
    } catch (error) {
      answer(PlatformError.from(error), undefined, true);
      return undefined;
    }
    return this.infer(request, facts, answer);
  }

  infer(request: InferRequest, facts: CallFacts, answer: Answer): Ticket | undefined {
    try {
      if (!this.accepting) throw new PlatformError('unavailable', 'the server is shutting down');
      return this.models.find(request.modelName, facts.version || request.modelVersion).submit(request, facts, answer);
    } catch (error) {
      answer(PlatformError.from(error), undefined, true);
      return undefined;
    }
  }
}
