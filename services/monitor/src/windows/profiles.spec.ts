// Symptom: a monitor whose transaction was lost on the way took its partition number over anew with the next one, by
// itself; where the number had been given away meanwhile that fenced the monitor that had it.

import { expect, it } from '@jest/globals';
import { ManualClock, type PlatformError } from '@millrace/domain';
import type { KafkaConnection } from '@millrace/kafka';
import { JudgementMessages } from './closed-windows.kafka.js';
import { BoardWriters } from './profiles.kafka.js';

it('takes a number over again only by being told to, after a transaction of which nothing is known', async () => {
  let taken = 0;
  let isCut = false;
  const transaction = () => ({
    send: async () => {
      if (isCut) throw new Error('the connection was cut');
    },
    commit: async () => undefined,
    abort: async () => undefined,
    isActive: () => true,
  });
  const producer = () => ({
    connect: async () => void taken++,
    disconnect: async () => undefined,
    transaction: async () => transaction(),
  });
  const connection = {
    kafka: { producer },
    topicPrefix: '',
    topicName: (topic: string) => topic,
    endHangingOf: async () => undefined,
  };
  const lost: [number, string][] = [];
  const writers = new BoardWriters(
    connection as unknown as KafkaConnection,
    new JudgementMessages(new ManualClock(1)),
    (number: number, { code }: PlatformError) => void lost.push([number, code]),
  );
  const tell = () => writers.publish(2, { entries: [{ key: 'number/2', value: null }], judgements: [] });
  await writers.fence([2]);
  await tell();
  isCut = true;
  await expect(tell()).rejects.toMatchObject({ code: 'unavailable' });
  isCut = false;
  await expect(tell()).rejects.toMatchObject({ message: expect.stringContaining('must be taken over again') });
  expect([taken, lost[0]]).toEqual([1, [2, 'unavailable']]);
  // As when the group has said anew what this process holds.
  expect(await writers.fence([2])).toEqual([2]);
  await tell();
  expect(taken).toBe(2);
  await writers.close();
});

it('says when everything has come to its end that it was told to write, also where that failed', async () => {
  const commits: ((error?: Error) => void)[] = [];
  const transaction = () => ({
    send: async () => undefined,
    commit: () =>
      new Promise<void>((resolve, reject) => {
        commits.push((error) => (error === undefined ? resolve() : reject(error)));
      }),
    abort: async () => undefined,
    isActive: () => false,
  });
  const producer = () => ({
    connect: async () => undefined,
    disconnect: async () => undefined,
    transaction: async () => transaction(),
  });
  const connection = {
    kafka: { producer },
    topicPrefix: '',
    topicName: (topic: string) => topic,
    endHangingOf: async () => undefined,
  };
  const writers = new BoardWriters(
    connection as unknown as KafkaConnection,
    new JudgementMessages(new ManualClock(1)),
    () => undefined,
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const fenced = writers.fence([1, 2]);
  await turn();
  for (const commit of commits.splice(0)) commit();
  await fenced;
  const tell = (number: number) => writers.publish(number, { entries: [], judgements: [] });
  const told = Promise.allSettled([tell(1), tell(2)]);
  let isSettled = false;
  const settled = writers.settled().then(() => {
    isSettled = true;
  });
  await turn();
  const [first, second] = commits;
  first?.();
  await turn();
  expect(isSettled).toBe(false);
  second?.(new Error('the connection was cut'));
  await settled;
  expect((await told).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});
