// Batches that are read when a handler asks give what kafkajs' own decoder makes of the same bytes.

import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { PlatformError, seededRng } from '@millrace/domain';
import type { KafkaMessage } from 'kafkajs';
import { type InboundMessage, toInbound } from '../message.js';
import { RecordBatch } from '../produce/record-batch.js';
import { HEAD_BYTES } from './fetched-batch.js';
import { FetchedMessages } from './fetched-messages.js';
import { wholeBatches } from './whole-batches.js';

const require = createRequire(import.meta.url);
const DecoderOf = require('kafkajs/src/protocol/decoder');
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');

interface Terms {
  baseOffset: number;
  atMs?: number;
  attributes?: number;
  /** Of the last record; later than the last that is there where some were compacted away. */
  lastDelta?: number;
}

/** As a broker gives them: with offsets of its own. */
async function sealed(batch: RecordBatch, { baseOffset, atMs = 5, attributes = 0, lastDelta }: Terms): Promise<Buffer> {
  const plain = Buffer.from(batch.seal({ id: 7n, epoch: 0 }, 0, atMs));
  const isZipped = (attributes & 7) === 1;
  const bytes = isZipped
    ? Buffer.concat([plain.subarray(0, HEAD_BYTES), await promisify(gzip)(plain.subarray(HEAD_BYTES))])
    : plain;
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeInt16BE(attributes, 21);
  if (lastDelta !== undefined) bytes.writeInt32BE(lastDelta, 23);
  return bytes;
}

function filled(seed: number, count: number): RecordBatch {
  const rng = seededRng(seed);
  const batch = new RecordBatch();
  for (let i = 0; i < count; i++) {
    const key = Buffer.from('k'.repeat(rng.below(100)));
    const value = rng.below(10) === 0 ? null : Buffer.alloc(rng.below(20) === 0 ? 9_000 : rng.below(200), i);
    const headers: Record<string, string> =
      rng.below(3) === 0 ? { traceparent: `00-${i}`, é: '漢'.repeat(rng.below(50)), empty: '' } : {};
    batch.append(key, 0, key.length, value, 0, value?.length ?? 0, headers);
  }
  return batch;
}

async function byKafkajs(records: Buffer): Promise<InboundMessage[]> {
  const set = Buffer.alloc(4 + records.length);
  set.writeInt32BE(records.length, 0);
  records.copy(set, 4);
  const messages = (await decodeMessages(new DecoderOf(set))) as KafkaMessage[];
  return messages.map((message) => plain(toInbound('t', 3, message)));
}

function plain({ topic, partition, offset, key, value, headers, timestampMs }: InboundMessage): InboundMessage {
  return { topic, partition, offset, key, value, headers: { ...headers }, timestampMs };
}

async function fetched(records: Buffer, fetchedOffset?: string) {
  const messages = (await wholeBatches(records)) as unknown as KafkaMessage[];
  const of = { partition: 3, messages, lastOffset: () => '-1', ...(fetchedOffset && { fetchedOffset }) };
  return new FetchedMessages('t', of);
}

function all(from: FetchedMessages, max: number): InboundMessage[] {
  const seen: InboundMessage[] = [];
  for (let part = from.next(max); part.length > 0; part = from.next(max)) {
    expect(part.length).toBeLessThanOrEqual(max);
    seen.push(...part.map(plain));
  }
  return seen;
}

describe('record batches that are fetched whole', () => {
  it.each([0, 1, 9])('have the messages that kafkajs reads in them (attributes %i)', async (attributes) => {
    const parts: Buffer[] = [];
    for (let i = 0, baseOffset = 2 ** 33; i < 8; i++) {
      const count = 1 + i * 70;
      parts.push(await sealed(filled(i, count), { baseOffset, attributes, atMs: 1_700_000_000_000 + i }));
      baseOffset += count;
    }
    const records = Buffer.concat(parts);
    const wanted = await byKafkajs(records);
    expect(wanted.length).toBe(8 + 28 * 70);
    for (const max of [1, 64, 10_000]) expect(all(await fetched(records), max)).toEqual(wanted);
    // Cut off anywhere: the batch that is not whole is fetched again.
    for (const cut of [records.length - 1, records.length - 61, 70, 61, 60, 20])
      expect(all(await fetched(records.subarray(0, cut)), 100)).toEqual(await byKafkajs(records.subarray(0, cut)));
  });

  it('begin where they were asked for, and end where the batch does', async () => {
    const records = await sealed(filled(1, 10), { baseOffset: 100, lastDelta: 14 });
    const from = await fetched(records, '104');
    expect(all(from, 4).map(({ offset }) => offset)).toEqual([104, 105, 106, 107, 108, 109]);
    expect(from.lastOffset).toBe('114');
    // What is left of the batch was compacted away.
    const behind = await fetched(records, '110');
    expect(behind.next(100)).toEqual([]);
    expect(behind.lastOffset).toBe('114');
  });

  it('say of themselves what kafkajs asks of a message', async () => {
    const batch = new RecordBatch();
    batch.append(Buffer.from([0, 0, 0, 0]), 0, 4, Buffer.from('x'), 0, 1, {});
    const [data, marker] = await wholeBatches(
      Buffer.concat([
        await sealed(filled(1, 3), { baseOffset: 5, attributes: 16 }),
        await sealed(batch, { baseOffset: 8, attributes: 48 }),
      ]),
    );
    const context = { producerId: '7', inTransaction: true };
    expect(data).toMatchObject({ offset: '7', isControlRecord: false, key: null, batchContext: context });
    expect(marker).toMatchObject({ offset: '8', isControlRecord: true, batchContext: context });
    expect(marker?.key).toEqual(Buffer.from([0, 0, 0, 0]));
  });

  it('are refused where a byte is wrong, or give the messages of what is there', async () => {
    const rng = seededRng(3);
    const batch = new RecordBatch();
    for (let i = 0; i < 20; i++) batch.append(Buffer.from('k'), 0, 1, Buffer.from('v'), 0, 1, { h: 'x' });
    const whole = await sealed(batch, { baseOffset: 0 });
    let refused = 0;
    for (let tried = 0; tried < 2_000; tried++) {
      const records = Buffer.from(whole);
      records[HEAD_BYTES + rng.below(records.length - HEAD_BYTES)] = rng.below(256);
      try {
        expect(all(await fetched(records), 7).length).toBeLessThanOrEqual(20);
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        expect(error.code).toBe('corrupt');
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(100);
  });
});
