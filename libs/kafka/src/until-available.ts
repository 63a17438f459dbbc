// Waits for a broker at the start of a service: tries again as long as it is away or its new topics have no leaders
// yet.

import { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';

const RETRY_MS = 500;

/** `what` stands in the log. Any error but `unavailable` is thrown on. */
export async function untilAvailable<T>(what: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'unavailable') throw error;
      logger('boot').warn(`${what}: waiting for Kafka`, {}, error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
