// kafkajs repeats one line for each retry. The same line passes once per THROTTLE_MS, with the number that was held
// back.

import { type Clock, systemClock } from '@millrace/domain';

const THROTTLE_MS = 5000;
/** Different lines remembered; beyond it all are forgotten, so that the map stays small. */
const LINES_MAX = 256;

export class LogThrottle {
  private readonly lines = new Map<string, { atMs: number; held: number }>();

  constructor(private readonly clock: Clock = systemClock) {}

  /** Number of lines held back since the last one that passed; undefined = hold this one back too. */
  admit(line: string): number | undefined {
    const nowMs = this.clock.monotonicMs();
    const seen = this.lines.get(line);
    if (seen !== undefined && nowMs - seen.atMs < THROTTLE_MS) {
      seen.held++;
      return undefined;
    }
    if (this.lines.size >= LINES_MAX) this.lines.clear();
    this.lines.set(line, { atMs: nowMs, held: 0 });
    return seen?.held ?? 0;
  }
}
