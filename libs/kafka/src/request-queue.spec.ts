import { createRequire } from 'node:module';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { lookWhereRequestsWait } from './request-queue.js';

interface Queue {
  push(request: unknown): void;
  fulfillRequest(answer: { correlationId: number; payload: unknown; size: number }): void;
  maybeThrottle(clientSideThrottleTimeMs: number): void;
  destroy(): void;
}
const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as new (
  options: Record<string, unknown>,
) => Queue;
const silent = { debug: () => undefined, warn: () => undefined, error: () => undefined };

/** Of a connection that has one request under way at a time. */
function aQueue() {
  const sent: number[] = [];
  const queue = new RequestQueue({
    ...{ maxInFlightRequests: 1, requestTimeout: 30_000, enforceRequestTimeout: false },
    ...{ clientId: 'c', broker: 'b', logger: silent, isConnected: () => true },
  });
  const push = (correlationId: number) =>
    queue.push({
      entry: { correlationId, apiName: 'a', resolve: () => undefined, reject: () => undefined },
      ...{ expectResponse: true, sendRequest: () => sent.push(correlationId) },
    });
  const answered = (correlationId: number) => queue.fulfillRequest({ correlationId, payload: null, size: 0 });
  return { queue, sent, push, answered };
}

beforeEach(() => {
  jest.useFakeTimers();
  lookWhereRequestsWait();
});
afterEach(() => {
  jest.useRealTimers();
});

// Symptom: 900 wake-ups a second of each service that has nothing to do.
it('a queue without a request that waits has no timer', () => {
  const { push, answered, sent } = aQueue();
  push(1);
  answered(1);
  push(2);
  answered(2);
  expect([sent, jest.getTimerCount()]).toEqual([[1, 2], 0]);
});

it('a request that waits goes with the answer before it, or when it is looked for', () => {
  const { push, answered, sent, queue } = aQueue();
  for (const id of [1, 2, 3]) push(id);
  expect([sent, jest.getTimerCount()]).toEqual([[1], 1]);
  answered(1);
  expect(sent).toEqual([1, 2]);
  answered(2);
  answered(3);
  jest.advanceTimersByTime(1_000);
  expect([sent, jest.getTimerCount()]).toEqual([[1, 2, 3], 0]);
  queue.destroy();
});

it('one that a broker has asked to wait goes when the pause is over', () => {
  const { push, sent, queue } = aQueue();
  queue.maybeThrottle(500);
  push(1);
  jest.advanceTimersByTime(499);
  expect(sent).toEqual([]);
  jest.advanceTimersByTime(2);
  expect([sent, jest.getTimerCount()]).toEqual([[1], 0]);
});
