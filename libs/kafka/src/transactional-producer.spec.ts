import { describe, expect, it } from '@jest/globals';
import type { KafkaConnection } from './connection.js';
import { TransactionalProducer } from './transactional-producer.js';

/** A broker that answers every send with this error. */
function refusing(type: string, settings = {}): TransactionalProducer {
  const producer = () => ({
    connect: async () => undefined,
    disconnect: async () => undefined,
    transaction: async () => ({
      send: async () => {
        throw Object.assign(new Error('no'), { type });
      },
      isActive: () => true,
      abort: async () => undefined,
    }),
  });
  const connection = {
    kafka: { producer },
    topicPrefix: '',
    topicName: (topic: string) => topic,
    endHangingOf: async () => undefined,
  };
  return new TransactionalProducer(connection as unknown as KafkaConnection, { transactionalId: 'id', ...settings });
}

describe('TransactionalProducer', () => {
  it.each([
    ['MESSAGE_TOO_LARGE', 'invalid_argument'],
    ['NOT_LEADER_FOR_PARTITION', 'unavailable'],
    ['PRODUCER_FENCED', 'conflict'],
  ])('tells %s as %s', async (type, code) => {
    await expect(refusing(type).send('t', [{ key: 'k', value: null }])).rejects.toMatchObject({ code });
  });

  it.each([
    ['NOT_LEADER_FOR_PARTITION', true, true],
    ['NOT_LEADER_FOR_PARTITION', false, false],
    ['PRODUCER_FENCED', true, false],
  ])('after %s (renews: %s) is usable: %s', async (type, renews, isUsable) => {
    const producer = refusing(type, { renews });
    const send = () => producer.send('t', [{ key: 'k', value: null }]);
    await expect(send()).rejects.toBeDefined();
    expect(producer.isUsable).toBe(isUsable);
    if (!renews) await expect(send()).rejects.toMatchObject({ message: expect.stringContaining('taken over again') });
  });
});
