// What becomes of a batch's messages; positions follow what is durable (open-spans.spec).
import { describe, expect, it } from '@jest/globals';
import { type Command, encodeCommand, encodeRecord } from '@millrace/contracts';
import type { KafkaBatchContext } from '@millrace/kafka';
import { anInbound, aRecord } from '@millrace/testing';
import type { ImportStream } from './import-stream.js';
import type { LiveStream } from './live-stream.js';
import { OwnerCommands } from './owner-commands.js';
import type { BadMessage, LogMessage } from './partition-reader.js';
import { StreamsController } from './streams.kafka.js';

const context = { partition: 2 } as KafkaBatchContext;

function controller(bad: readonly BadMessage[] = []) {
  const seen: LogMessage<unknown>[] = [];
  const live = {
    records: async (_partition: number, batch: readonly LogMessage<unknown>[]) => {
      seen.push(...batch);
      return [...bad];
    },
  };
  const commands = new OwnerCommands(
    async ({ project, id }) => {
      done.push(`${project} ${id}`);
    },
    () => undefined,
    async () => undefined,
  );
  const done: string[] = [];
  return {
    seen,
    done,
    commands,
    streams: new StreamsController(live as unknown as LiveStream, commands, {} as ImportStream),
  };
}

const messages = [
  anInbound('records.v1', Buffer.from(encodeRecord(aRecord(), new Set())), { offset: 40 }),
  anInbound('records.v1', Buffer.from([0xff]), { offset: 41 }),
];

describe('a batch of records', () => {
  it('moves no position by itself', async () => {
    const { streams } = controller();
    expect(await streams.records(messages, context)).toMatchObject({ nextOffset: null });
  });

  it('passes what is corrupt; that and what the stream refused are dead letters', async () => {
    const reasons = [{ code: 'malformed', field: 'project', message: 'no project' }] as const;
    const { seen, streams } = controller([{ offset: 40, project: 'demo', reasons }]);
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

describe('a batch of commands', () => {
  const command = (id: string, action: Command['action']) =>
    encodeCommand({
      ...{ id, project: 'p', issuedBy: 'test', issuedAtMs: 1, expectedRevision: 0, correlationId: '', reason: '' },
      action,
    });

  it('is carried out beside the reading, but for what others carry out; then its position is passed', async () => {
    const { streams, commands, done } = controller();
    const batch = [
      anInbound('commands.v1', Buffer.from(command('a', { kind: 'closeDatasets' })), { offset: 7 }),
      anInbound('commands.v1', Buffer.from(command('b', { kind: 'promote', version: 1 })), { offset: 8 }),
      anInbound('commands.v1', Buffer.from([0xff]), { offset: 9 }),
    ];
    expect(await streams.commands(batch, context)).toEqual({ nextOffset: null });
    expect(commands.position(2)).toBe(7);
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual(['p a']);
    expect(commands.position(2)).toBe(10);
  });
});
