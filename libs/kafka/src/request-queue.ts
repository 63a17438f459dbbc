// A part of kafkajs that is replaced (its version is fixed in package.json): its request queue looked for waiting
// requests every millisecond for as long as a connection lives, by a timeout that is negative where nothing is
// throttled (tulios/kafkajs#1751), of which Node 24 warns besides. A process of ours has some ten connections: it
// woke 900 times a second with nothing to do. Here it looks where requests wait, and only then: whoever adds one asks
// for it.

import { createRequire } from 'node:module';
import { systemClock } from '@millrace/domain';

/** Of kafkajs: what is used of its queue. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  /** ms since the epoch; in the past where the broker asked for no pause. */
  readonly throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
}

interface RequestQueueClass {
  prototype: RequestQueue & { scheduleCheckPendingRequests(this: RequestQueue): void };
}

/** As kafkajs has it: with too many requests under way, an answer lets the next one go before. */
const LOOK_MS = 10;

/** Once in a process, before the first connection; again it changes nothing. */
export function lookWhereRequestsWait(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as RequestQueueClass;
  prototype.scheduleCheckPendingRequests = scheduleLook;
}

function scheduleLook(this: RequestQueue): void {
  if (this.throttleCheckTimeoutId !== null && this.throttleCheckTimeoutId !== undefined) return;
  if (this.pending.length === 0) return;
  const throttledMs = this.throttledUntil - systemClock.nowMs();
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    },
    throttledMs > 0 ? throttledMs : LOOK_MS,
  );
}
