// Work that must not be lost because the broker is away, or has too much to do: it is tried again until it is done or
// the process ends. Whoever does it is the only one who would.

import { PlatformError } from '@millrace/domain';

export interface OutlastingPorts {
  /** The process ends: what was not done is left to the next one. */
  ended(): boolean;
  pause(): Promise<void>;
  log(message: string, facts: Record<string, string | number>): void;
}

/** `what` stands in the log. @throws any other error, and the last one once the process ends */
export type Outlast = <T>(what: string, work: () => Promise<T>) => Promise<T>;

export function outlasting(ports: OutlastingPorts): Outlast {
  return async (what, work) => {
    for (;;) {
      try {
        return await work();
      } catch (thrown) {
        const { code, reason } = PlatformError.from(thrown);
        if ((code !== 'unavailable' && code !== 'overloaded') || ports.ended()) throw thrown;
        ports.log('tried again once Kafka takes it', { what, code, reason });
      }
      await ports.pause();
    }
  };
}
