// What a broker is asked about transactions, from Kafka 3.0 on: DescribeProducers 0, ListTransactions 0,
// DescribeTransactions 0, WriteTxnMarkers 1, in the flexible encoding, where a list or a text is preceded by its length
// and one. Bytes as https://kafka.apache.org/protocol says.

import { Answer, int32, type RequestKind } from '../produce/protocol.js';

export const DESCRIBE_PRODUCERS: RequestKind = { key: 61, version: 0 };
export const LIST_TRANSACTIONS: RequestKind = { key: 66, version: 0 };
export const DESCRIBE_TRANSACTIONS: RequestKind = { key: 65, version: 0 };
export const WRITE_MARKERS: RequestKind = { key: 27, version: 1 };

/** An empty list of tagged fields: of the header, of a struct. */
const NO_TAGS = Buffer.from([0]);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}

const compactText = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([varint(bytes.length + 1), bytes]);
};

const compactList = <T>(items: readonly T[], encode: (item: T) => Buffer): Buffer =>
  Buffer.concat([varint(items.length + 1), ...items.map(encode)]);

function int64(value: bigint): Buffer {
  const field = Buffer.allocUnsafe(8);
  field.writeBigInt64BE(value);
  return field;
}

function int16(value: number): Buffer {
  const field = Buffer.allocUnsafe(2);
  field.writeInt16BE(value);
  return field;
}

/** A partition, by the topic's name on the broker. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

/** A transaction that its partition takes for open. */
export interface OpenTransaction extends Place {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  /** Readers of committed messages do not get past it. */
  readonly startOffset: number;
  /** Of what was written to the partition. */
  readonly lastSequence: number;
}

export function describeProducersRequest(places: readonly Place[]): Buffer[] {
  const topic = ({ topic: name, partition }: Place) =>
    Buffer.concat([compactText(name), compactList([partition], int32), NO_TAGS]);
  return [NO_TAGS, compactList(places, topic), NO_TAGS];
}

/** Those of the partitions that the broker leads. */
export function readDescribeProducers(bytes: Buffer): OpenTransaction[] {
  const answer = new Answer(bytes);
  const compact = <T>(item: () => T): T[] => answer.list(item, answer.varint() - 1);
  const tagged = <T>(value: T): T => {
    answer.tags();
    return value;
  };
  answer.tags();
  answer.skip(4); // throttle time
  const producers = compact(() => {
    const topic = answer.compactText();
    const ofTopic = compact(() => {
      const partition = answer.int32();
      const error = answer.int16();
      answer.compactText(); // the error's words
      const ofPartition = compact(() => {
        const producerId = answer.int64();
        const producerEpoch = answer.int32();
        const lastSequence = answer.int32();
        answer.skip(8); // last timestamp
        const coordinatorEpoch = answer.int32();
        const startOffset = Number(answer.int64());
        return tagged({
          ...{ topic, partition, producerId, producerEpoch, coordinatorEpoch, startOffset, lastSequence },
        });
      });
      return tagged(error === 0 ? ofPartition : []);
    });
    return tagged(ofTopic.flat());
  });
  return producers.flat().filter(({ startOffset }) => startOffset >= 0);
}

export function listTransactionsRequest(producerIds: readonly bigint[]): Buffer[] {
  return [NO_TAGS, compactList([], compactText), compactList(producerIds, int64), NO_TAGS];
}

/** Of the transactional ids that the broker coordinates. */
export function readListTransactions(bytes: Buffer): { error: number; ids: string[] } {
  const answer = new Answer(bytes);
  answer.tags();
  answer.skip(4); // throttle time
  const error = answer.int16();
  answer.list(() => answer.compactText(), answer.varint() - 1); // filters that it does not know
  const ids = answer.list(() => {
    const id = answer.compactText();
    answer.skip(8); // producer id
    answer.compactText(); // state
    answer.tags();
    return id;
  }, answer.varint() - 1);
  return { error, ids };
}

/** What the coordinator knows of a transactional id. */
export interface CoordinatedTransaction {
  readonly error: number;
  readonly id: string;
  /** "Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", … */
  readonly state: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

export function describeTransactionsRequest(ids: readonly string[]): Buffer[] {
  return [NO_TAGS, compactList(ids, compactText), NO_TAGS];
}

export function readDescribeTransactions(bytes: Buffer): CoordinatedTransaction[] {
  const answer = new Answer(bytes);
  answer.tags();
  answer.skip(4); // throttle time
  return answer.list(() => {
    const error = answer.int16();
    const id = answer.compactText();
    const state = answer.compactText();
    answer.skip(12); // time-out, begin
    const producerId = answer.int64();
    const producerEpoch = answer.int16();
    answer.list(() => {
      answer.compactText();
      answer.list(answer.int32, answer.varint() - 1);
      answer.tags();
    }, answer.varint() - 1); // partitions of one that is open
    answer.tags();
    return { error, id, state, producerId, producerEpoch };
  }, answer.varint() - 1);
}

export function writeMarkerRequest(open: OpenTransaction, isCommitted: boolean): Buffer[] {
  const { topic, partition, producerId, producerEpoch, coordinatorEpoch } = open;
  const place = Buffer.concat([compactText(topic), compactList([partition], int32), NO_TAGS]);
  const marker = Buffer.concat([
    int64(producerId),
    int16(producerEpoch),
    Buffer.from([Number(isCommitted)]),
    compactList([place], (each) => each),
    int32(Math.max(0, coordinatorEpoch)),
    NO_TAGS,
  ]);
  return [NO_TAGS, compactList([marker], (each) => each), NO_TAGS];
}

/** The error of the one partition. */
export function readWriteMarker(bytes: Buffer): number {
  const answer = new Answer(bytes);
  answer.tags();
  const errors = answer.list(() => {
    answer.skip(8); // producer id
    const ofTopics = answer.list(() => {
      answer.compactText();
      const ofPartitions = answer.list(() => {
        answer.skip(4);
        const error = answer.int16();
        answer.tags();
        return error;
      }, answer.varint() - 1);
      answer.tags();
      return ofPartitions;
    }, answer.varint() - 1);
    answer.tags();
    return ofTopics.flat();
  }, answer.varint() - 1);
  return errors.flat()[0] ?? 0;
}
