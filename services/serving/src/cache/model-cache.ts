// The response cache as one model version sees it: the key of a request, the look-up in memory and, where there is one,
// in a shared store behind it. A key is the SHA-256 of model, version, identity, requested outputs, own parameters,
// shapes and the bytes of all inputs: about 1 µs and 1 ns a byte, and nobody can make two requests collide.

import {
  decodeInferResponse,
  encodeInferResponse,
  type InferRequest,
  NO_PARAMETERS,
  type Tensor,
} from '@millrace/inference';
import { HitRate } from './hit-rate.js';
import { ownParametersKey } from './own-parameters.js';
import type { ResponseCache } from './response-cache.js';

/**
 * Requests with more input bytes are not looked up: hashing them would hold the event loop for more than a millisecond.
 */
const INPUT_BYTES_MAX = 1_048_576;

/** A store that several processes share, for example Redis. Both must be quick to give up; neither may reject. */
export interface SharedResponses {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, response: Uint8Array): void;
}

export interface CachePorts {
  responses: ResponseCache;
  /** Content hash of a text and byte parts, as text. */
  digest(head: string, parts: readonly Uint8Array[]): string;
  shared?: SharedResponses | undefined;
  /** Names the model's content and configuration, for example a hash; '' = answers stay in this process. */
  identity: string;
}

let generations = 0;

export class ModelCache {
  private readonly rate = new HitRate();
  private readonly scope: string;
  readonly shared: SharedResponses | undefined;

  constructor(
    model: string,
    version: number,
    private readonly ports: CachePorts,
  ) {
    const { identity, shared } = ports;
    this.shared = identity === '' ? undefined : shared;
    // A version that is loaded anew under the same number may have other content.
    this.scope = JSON.stringify([model, version, identity === '' ? ++generations : identity]);
  }

  /** '' = not to be looked up: too large, or the hit rate is too low. */
  keyOf(request: InferRequest, inputs: readonly Tensor[]): string {
    if (!this.rate.worthwhile()) return '';
    let bytes = 0;
    for (const input of inputs) bytes += input.byteLength;
    if (bytes > INPUT_BYTES_MAX) return '';
    const head = JSON.stringify([
      this.scope,
      inputs.map(({ name, shape }) => [name, shape]),
      request.outputs.map(({ name, parameters }) => [name, String(parameters.classification ?? '')]),
      ownParametersKey(request.parameters),
    ]);
    return this.ports.digest(
      head,
      inputs.map((input) => input.rawBytes()),
    );
  }

  get(key: string): readonly Tensor[] | undefined {
    const found = this.ports.responses.get(key);
    // With a shared store behind it, that one's answer decides.
    if (found || !this.shared) this.rate.counted(found !== undefined);
    return found;
  }

  async getShared(key: string): Promise<readonly Tensor[] | undefined> {
    const bytes = await this.shared?.get(key);
    const outputs = bytes ? outputsOf(bytes) : undefined;
    this.rate.counted(outputs !== undefined);
    if (outputs) this.ports.responses.put(key, outputs);
    return outputs;
  }

  keep(key: string, outputs: readonly Tensor[]): void {
    if (!this.ports.responses.put(key, outputs)) return;
    this.shared?.put(
      key,
      encodeInferResponse({ modelName: '', modelVersion: '', id: '', parameters: NO_PARAMETERS, outputs }),
    );
  }
}

function outputsOf(bytes: Uint8Array): readonly Tensor[] | undefined {
  try {
    return decodeInferResponse(bytes).outputs;
  } catch {
    // What a stranger or a later release wrote there is no answer of ours.
    return undefined;
  }
}
