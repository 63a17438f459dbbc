import { expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { RequestIds, seededRng } from '@millrace/domain';
import type { FencedWriters, OutboundMessage } from '@millrace/kafka';
import { OpenSpans } from './open-spans.js';
import { KafkaProgressLog } from './progress.kafka.js';
import { ProgressFollower } from './progress-follower.js';

/** What the broker takes in one batch of a partition. */
const BYTES_MAX = 1_048_576;

it('tells of thousands of versions in sends that the broker takes, in one transaction', async () => {
  const sends: { topic: string; messages: readonly OutboundMessage[] }[] = [];
  let transactions = 0;
  const send = async (topic: string, messages: readonly OutboundMessage[]) => void sends.push({ topic, messages });
  const writer = {
    isUsable: true,
    transaction: async (work: (transaction: { send: typeof send }) => Promise<void>) => {
      transactions += 1;
      await work({ send });
    },
  };
  const log = new KafkaProgressLog(
    { of: () => writer } as unknown as FencedWriters,
    { put: async () => undefined },
    new ProgressFollower(new OpenSpans()),
    new RequestIds(seededRng(1)),
    () => undefined,
  );
  const versions = Array.from({ length: 4_000 }, (_, ordinal): DatasetVersion => {
    const id = ordinal.toString(16).padStart(64, '0');
    return {
      ...{ project: 'p', id, kind: 'live', ordinal, parent: id, schemaHash: id, rows: 5, labelledRows: 5, rowsOf: 0 },
      labelRule: '',
      ...{ eventTimeFromMs: 1, eventTimeToMs: 2, windowStartMs: 1, windowEndMs: 2, lateRows: 0, repeatedRows: 0 },
      ...{ parquetPath: `datasets/p/${id}/x.parquet`, parquetSha256: id, closedAtMs: 1, source: 'stream' },
      ...{ nulled: [], offsets: [] },
    };
  });
  await log.write(0, [], versions);
  const bytesOf = (messages: readonly OutboundMessage[]) =>
    messages.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
  expect(transactions).toBe(1);
  expect(sends.reduce((sum, { messages }) => sum + messages.length, 0)).toBe(4_000);
  expect(bytesOf(sends.flatMap(({ messages }) => messages))).toBeGreaterThan(BYTES_MAX);
  for (const { messages } of sends) expect(bytesOf(messages)).toBeLessThan(BYTES_MAX);
});
