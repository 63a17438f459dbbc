// From a request's bytes to a queued job, the same for every endpoint (gRPC, relay stream, REST): decode, find the
// version, submit. Expected failures go to the answer, so that an endpoint has one place to send from.

import { PlatformError } from '@millrace/domain';
import { decodeInferRequest, type InferRequest } from '@millrace/inference';
import type { Answer, CallFacts } from '../models/infer-job.js';
import type { ModelSet } from '../models/model-set.js';
import { notTaken } from '../models/not-taken.js';
import type { InFlight } from '../models/served-model.js';

export type { InFlight } from '../models/served-model.js';

export class Predictor {
  private accepting = true;

  constructor(private readonly models: ModelSet) {}

  /** From now on new requests are refused with `unavailable`; those in flight are answered. */
  stopAccepting(): void {
    this.accepting = false;
  }

  inferBytes(bytes: Uint8Array, facts: CallFacts, answer: Answer): InFlight | undefined {
    return this.submitBytes(bytes, facts, answer, false);
  }

  inferManyBytes(bytes: Uint8Array, facts: CallFacts, answer: Answer): InFlight | undefined {
    return this.submitBytes(bytes, facts, answer, true);
  }

  private submitBytes(bytes: Uint8Array, facts: CallFacts, answer: Answer, many: boolean): InFlight | undefined {
    let request: InferRequest;
    try {
      request = decodeInferRequest(bytes);
    } catch (error) {
      answer(PlatformError.from(error), undefined, true);
      return undefined;
    }
    return this.submit(request, facts, answer, many);
  }

  /** For endpoints that can give one answer; a decoupled model is refused. */
  infer(request: InferRequest, facts: CallFacts, answer: Answer): InFlight | undefined {
    return this.submit(request, facts, answer, false);
  }

  /** For endpoints that can give many answers to one request. */
  inferMany(request: InferRequest, facts: CallFacts, answer: Answer): InFlight | undefined {
    return this.submit(request, facts, answer, true);
  }

  private submit(request: InferRequest, facts: CallFacts, answer: Answer, many: boolean): InFlight | undefined {
    try {
      if (!this.accepting) throw notTaken('the server is shutting down');
      const model = this.models.find(request.modelName, facts.version || request.modelVersion);
      if (!many && model.spec.decoupled) throw decoupled(request.modelName);
      return model.submit(request, facts, answer);
    } catch (error) {
      answer(PlatformError.from(error), undefined, true);
      return undefined;
    }
  }
}

function decoupled(model: string): PlatformError {
  return new PlatformError(
    'unimplemented',
    `model '${model.slice(0, 64)}' is decoupled, it may answer many times: use ModelStreamInfer or generate_stream`,
  );
}
