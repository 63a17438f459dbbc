// One inference as an endpoint hands it on, whoever answers it, and the span around it.

import type { Headers } from '@millrace/routing';
import type { Done } from '../relay/relay.js';

export interface InferCall {
  request: Uint8Array;
  /** Header `millrace-entity`; '' = none, then the request parameter counts. */
  entity: string;
  traceparent: string;
  /** For the project's rules about headers; absent: none fits. */
  headers?: Headers;
  /** On the monotonic clock; Infinity = none. */
  deadlineAtMs: number;
  /** All that the call carries beside, names and values in turns: for servers that are not ours. */
  metadata?: readonly string[];
  /** The caller takes many answers, each a ModelStreamInferResponse; default one ModelInferResponse. */
  stream?: boolean;
  done: Done;
  /** Why the caller cannot be given this answer in its form; absent: any bytes will do. Asked of servers not ours. */
  unreadable?(response: Uint8Array): string | undefined;
}

/** Sampled spans only; null for a request that is not traced. */
export interface Tracing {
  begin(traceparent: string): TracedCall | null;
}

/** The version that the route gave a request, and why. */
export interface RoutedCall {
  project: string;
  revision: number;
  version: number;
  /** The target's name, of an experiment the arm's that answers. */
  variant: string;
  /** Its name, where the request takes part in one, else ''. */
  experiment: string;
  /** One version answers everybody, or the key's bucket says which. */
  reason: 'static' | 'split';
  /**
   * What the choice went by: the entity where the project is sticky or the request takes part in an experiment, and
   * names one; else its id.
   */
  key: string;
}

export interface TracedCall {
  traceparent: string;
  /** Told of sampled calls only. */
  routed?(call: RoutedCall): void;
  /** `failed`: the version whose failure was answered by `version`. */
  end(project: string, version: number, status: number, failed?: number): void;
}
