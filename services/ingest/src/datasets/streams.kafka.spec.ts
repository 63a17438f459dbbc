// Regression: "commit through" was the last offset in one place and the next one in another; now all say the next.
import { describe, expect, it } from '@jest/globals';
import { encodeRecord } from '@millrace/contracts';
import type { KafkaBatchContext } from '@millrace/kafka';
import { anInbound, aRecord } from '@millrace/testing';
import type { ImportStream } from './import-stream.js';
import type { BatchOutcome, LiveStream, LogMessage } from './live-stream.js';
import { StreamsController } from './streams.kafka.js';

const context = { partition: 2 } as KafkaBatchContext;

function controller(outcome: BatchOutcome) {
  const seen: LogMessage<unknown>[] = [];
  const live = {
    records: async (_partition: number, batch: readonly LogMessage<unknown>[]) => {
      seen.push(...batch);
      return outcome;
    },
  };
  return { seen, streams: new StreamsController(live as unknown as LiveStream, {} as ImportStream) };
}

const messages = [
  anInbound('records.v1', Buffer.from(encodeRecord(aRecord(), new Set())), { offset: 40 }),
  anInbound('records.v1', Buffer.from([0xff]), { offset: 41 }),
];

describe('the position after a batch of records', () => {
  it('is the first offset to be read again, as the stream says it', async () => {
    const { streams } = controller({ bad: [], nextOffset: 42 });
    expect(await streams.records(messages, context)).toMatchObject({ nextOffset: 42 });
  });

  it('stays where it is while nothing is safe yet', async () => {
    const { streams } = controller({ bad: [], nextOffset: 0 });
    expect(await streams.records(messages, context)).toMatchObject({ nextOffset: null });
  });

  it('passes what is corrupt; that and what the stream refused are dead letters', async () => {
    const reasons = [{ code: 'malformed', field: 'project', message: 'no project' }] as const;
    const { seen, streams } = controller({ bad: [{ offset: 40, project: 'demo', reasons }], nextOffset: 42 });
    const { deadLetters } = await streams.records(messages, context);
    expect(seen.map(({ offset, message }) => [offset, message === undefined])).toEqual([
      [40, false],
      [41, true],
    ]);
    expect(deadLetters?.map(({ message, reasons: [reason] }) => [message.offset, reason?.code])).toEqual([
      [41, 'decode_failed'],
      [40, 'malformed'],
    ]);
  });
});
