// How a record or label was handed in, and why one of a request was refused.

import type { Reason } from '@millrace/contracts';

export interface Delivery {
  /** "http", "grpc", "file:<name>", "redrive". */
  source: string;
  nowMs: number;
}

export interface Rejection {
  /** Index within the request. */
  index: number;
  recordId: string;
  reasons: readonly Reason[];
}
