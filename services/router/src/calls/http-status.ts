// What an answer over HTTP counts as beside the gRPC calls.

import { GRPC_STATUS } from '@millrace/routing';

/** 0 = no answer came. */
export function grpcStatus(http: number): number {
  if (http === 0 || http === 503) return GRPC_STATUS.UNAVAILABLE;
  if (http < 400) return GRPC_STATUS.OK;
  if (http === 404) return GRPC_STATUS.NOT_FOUND;
  return http < 500 ? GRPC_STATUS.INVALID_ARGUMENT : GRPC_STATUS.INTERNAL;
}
