// How a transaction was decided, from the log of its coordinator: `__transaction_state`, one partition for an id, in
// which each step of a transaction is a record. The coordinator itself tells only of the last transaction of an id, and
// not which partitions took part in it once it is complete.

import { PlatformError } from '@millrace/domain';
import { type Asker, askBroker } from '../ask-broker.js';
import { wholeBatches } from '../fetch/whole-batches.js';
import type { InboundMessage } from '../message.js';
import {
  Answer,
  FETCH,
  fetchRequest,
  LIST_OFFSETS,
  listOffsetsRequest,
  type Node,
  readFetch,
  readListOffsets,
} from '../produce/protocol.js';
import type { Place } from './protocol.js';

export const STATE_TOPIC = '__transaction_state';
/** Read from the end in steps of so many offsets, and so many steps at most: what is older is decided long ago. */
const STEP_OFFSETS = 1_000;
const STEPS_MAX = 20;

const LEAST_INT = -(2 ** 31);
const PREPARE_COMMIT = 2;
const PREPARE_ABORT = 3;

/** The end of a transaction. */
export interface Decided {
  readonly producerId: bigint;
  /** Of an abort that a successor or the clock brought about: the one after the transaction's own. */
  readonly producerEpoch: number;
  readonly isCommitted: boolean;
}

/** Of each partition the newest transaction that it took part in. */
export type Decisions = ReadonlyMap<string, { readonly place: Place; readonly decided: Decided }>;

export const placeKey = ({ topic, partition }: Place): string => `${topic}/${partition}`;

/** As Kafka spreads ids over the log: Java's hash of the text. */
export function statePartition(id: string, partitions: number): number {
  let hash = 0;
  for (let at = 0; at < id.length; at++) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) | 0;
  // Java's absolute value of the least integer is none; Kafka takes 0 for it.
  return hash === LEAST_INT ? 0 : Math.abs(hash) % partitions;
}

/**
 * Of the id, from its newest records back until `isEnough` of them is known.
 *
 * @throws PlatformError 'unavailable'
 */
export async function decisionsOf(
  asker: Asker,
  leader: Node,
  { partition, id }: { partition: number; id: string },
  isEnough: (known: Decisions) => boolean,
): Promise<Decisions> {
  return askBroker(asker, leader, async (socket) => {
    const asked = [{ topic: STATE_TOPIC, partitions: [partition] }];
    const offsetOf = async (kind: 'earliest' | 'written') =>
      readListOffsets(await socket.request(LIST_OFFSETS, listOffsetsRequest(kind, asked)))[0]?.offset ?? 0;
    const first = await offsetOf('earliest');
    let end = await offsetOf('written');
    let known: Decisions = new Map();
    for (let step = 0; step < STEPS_MAX && end > first; step++) {
      const from = Math.max(first, end - STEP_OFFSETS);
      const newer = known;
      const found = new Map<string, { place: Place; decided: Decided }>();
      for (let next = from; next < end; ) {
        const place = { topic: STATE_TOPIC, partition, offset: next };
        const { error, records } = readFetch(await socket.request(FETCH, fetchRequest('written', place)));
        if (error !== 0) throw new PlatformError('unavailable', `Kafka: error ${error} of ${STATE_TOPIC}/${partition}`);
        const messages: InboundMessage[] = [];
        const batches = await wholeBatches(records);
        for (const { batch } of batches) batch.take(STATE_TOPIC, partition, next, Number.POSITIVE_INFINITY, messages);
        const last = batches.at(-1);
        if (last === undefined) break;
        for (const { offset, key, value } of messages) {
          if (offset >= end || key === null || value === null || idOf(key) !== id) continue;
          for (const each of decidedBy(value)) found.set(placeKey(each.place), each);
        }
        next = Number(last.offset) + 1;
      }
      known = new Map([...found, ...newer]);
      if (isEnough(known)) break;
      end = from;
    }
    return known;
  });
}

function idOf(key: Buffer): string {
  const answer = new Answer(key);
  answer.int16(); // version
  return answer.text();
}

/** Versions 0 and 1 of Kafka's TransactionLogValue; the second is flexible. None of what is not decided. */
function decidedBy(value: Buffer): { place: Place; decided: Decided }[] {
  const answer = new Answer(value);
  const isFlexible = answer.int16() > 0;
  const producerId = answer.int64();
  const producerEpoch = answer.int16();
  answer.skip(4); // time-out
  const state = answer.int8();
  if (state !== PREPARE_COMMIT && state !== PREPARE_ABORT) return [];
  const decided: Decided = { producerId, producerEpoch, isCommitted: state === PREPARE_COMMIT };
  const list = <T>(item: () => T): T[] => answer.list(item, isFlexible ? answer.varint() - 1 : answer.int32());
  const places = list(() => {
    const topic = isFlexible ? answer.compactText() : answer.text();
    const partitions = list(answer.int32);
    if (isFlexible) answer.tags();
    return partitions.map((partition) => ({ place: { topic, partition }, decided }));
  });
  return places.flat();
}
