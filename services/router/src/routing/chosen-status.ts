// The status of an answer by a version that the route named, not the client.

import { GRPC_STATUS } from '@millrace/routing';

/** That serving does not know a version which the route named is the platform's fault, no mistake of the caller's. */
export function statusOfChosen(status: number): number {
  return status === GRPC_STATUS.NOT_FOUND ? GRPC_STATUS.UNAVAILABLE : status;
}
