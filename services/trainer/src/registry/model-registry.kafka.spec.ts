import { expect, it } from '@jest/globals';
import { decodeModelVersion } from '@millrace/contracts';
import { type ErrorCode, PlatformError } from '@millrace/domain';
import { aModelVersion } from '@millrace/testing';
import { outlasting } from '../duty/outlasting.js';
import { Announcements } from './model-registry.kafka.js';

const version = aModelVersion({ project: 'shop', version: 2, trainingId: 't', trainSeconds: 3_600 });

it('a finished training is announced once Kafka takes it, however long that is, or left to the next process', async () => {
  const failures: ErrorCode[] = ['unavailable', 'overloaded', 'unavailable'];
  const written: string[] = [];
  let hasEnded = false;
  const broker = async () => {
    const code = failures.shift();
    if (code !== undefined) throw new PlatformError(code, 'no broker');
  };
  const announcements = new Announcements(
    {
      write: async (topic, messages) => {
        await broker();
        for (const { value } of messages)
          written.push(`${topic} ${decodeModelVersion(value as Uint8Array).trainingId}`);
      },
      tell: broker,
      refuseReplaced: broker,
    },
    outlasting({ ended: () => hasEnded, pause: async () => undefined, log: () => undefined }),
  );
  await announcements.model(version);
  expect(written).toEqual(['models.v1 t']);
  failures.push('unavailable');
  await announcements.refuseReplaced();
  failures.push('conflict');
  await expect(announcements.refuseReplaced()).rejects.toMatchObject({ code: 'conflict' });
  failures.push('unavailable');
  hasEnded = true;
  await expect(announcements.model(version)).rejects.toMatchObject({ code: 'unavailable' });
});
