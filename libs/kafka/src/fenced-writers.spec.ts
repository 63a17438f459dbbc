import { expect, it } from '@jest/globals';
import type { KafkaConnection } from './connection.js';
import { FencedWriters } from './fenced-writers.js';

it('takes over all or none, and connects none that another call has taken over meanwhile', async () => {
  let isAway = true;
  const open = new Map<string, number>();
  let most = 0;
  const producer = ({ transactionalId }: { transactionalId: string }) => ({
    connect: async () => {
      if (transactionalId === 'ingest-1' && isAway) throw new Error('no broker');
      const count = (open.get(transactionalId) ?? 0) + 1;
      open.set(transactionalId, count);
      most = Math.max(most, count);
      // Longer than the failure takes.
      for (let turns = 0; turns < 100; turns++) await Promise.resolve();
    },
    disconnect: async () => {
      open.set(transactionalId, (open.get(transactionalId) ?? 0) - 1);
    },
    transaction: async () => ({ commit: async () => undefined, isActive: () => false }),
  });
  const connection = {
    kafka: { producer },
    topicPrefix: '',
    topicName: (topic: string) => topic,
    endHangingOf: async () => undefined,
  };
  const writers = new FencedWriters(connection as unknown as KafkaConnection, 'ingest');
  const failing = writers.hold([0, 1, 2]);
  const next = writers.hold([0, 1, 2]);
  await expect(failing).rejects.toMatchObject({ code: 'unavailable' });
  isAway = false;
  expect(await next).toEqual([0, 1, 2]);
  expect([most, [...open]]).toEqual([
    1,
    [
      ['ingest-0', 1],
      ['ingest-2', 1],
      ['ingest-1', 1],
    ],
  ]);
  expect(writers.held([0, 1, 2])).toEqual([0, 1, 2]);
});
