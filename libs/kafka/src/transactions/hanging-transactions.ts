// Transactions that never end: a broker that was killed between "the transaction is decided" and the marker that says
// so in a partition may, as it starts again, take the partition for deleted and leave the marker out (Kafka 4.4,
// TransactionMarkerChannelManager: "likely deleted already and hence can be skipped"). Its coordinator then knows the
// transaction as complete, the partition as open, and readers of committed messages wait before it for ever. Here the
// marker that is missing is written: as the coordinator's own log says that it was decided, never by a guess.
//
// What is alive is left alone: the coordinator must have no open transaction of the id, asked between two looks at the
// partition that show the same open one with nothing written to it since. Who owns the id and is alive ends it with its
// next transaction anyway.

import { PlatformError, systemClock } from '@millrace/domain';
import { counter, logger } from '@millrace/telemetry';
import { type Asker, askAnyBroker, askBroker } from '../ask-broker.js';
import { inTime } from '../in-time.js';
import { METADATA, type Metadata, metadataRequest, type Node, readMetadata } from '../produce/protocol.js';
import { offsetsLed } from '../topic-offsets.js';
import {
  DESCRIBE_PRODUCERS,
  DESCRIBE_TRANSACTIONS,
  describeProducersRequest,
  describeTransactionsRequest,
  LIST_TRANSACTIONS,
  listTransactionsRequest,
  type OpenTransaction,
  type Place,
  readDescribeProducers,
  readDescribeTransactions,
  readListTransactions,
  readWriteMarker,
  WRITE_MARKERS,
  writeMarkerRequest,
} from './protocol.js';
import { type Decided, type Decisions, decisionsOf, placeKey, STATE_TOPIC, statePartition } from './state-log.js';

const log = logger('kafka-transactions');
const ended = counter('millrace.kafka.hanging_transactions');

/** Between two looks at a partition: its owner, if it is alive, writes again, or ends it. */
const QUIET_MS = 2_000;
/** Who is about to take an id over waits no longer: a broker that stands still may not be the one that matters. */
const BEFORE_CONNECT_MS = 3_000;
const ASK_AGAIN_MS = 200;
/** One that is open for so long, and of which nobody says how it ends, is told: four times as long as ours may take. */
const TOLD_AFTER_MS = 60_000;
/** What a coordinator calls one that is over. */
const OVER = new Set(['Empty', 'CompleteCommit', 'CompleteAbort']);
/** No state of Kafka's: its coordinator loads, or is another one by now. */
const LOADS = 'loads';
/** Kafka's: transactional id not found. */
const ID_NOT_FOUND = 105;
/** Kafka's: topic, cluster and transactional id authorization failed. */
const NOT_ALLOWED = new Set([29, 31, 53]);

/** One that hangs, and how it was decided. */
interface Candidate {
  readonly id: string;
  readonly open: OpenTransaction;
  readonly decided: Decided;
}

export class HangingTransactions {
  private looking: Promise<void> | undefined;
  /** Since when it is known as open and nobody has decided it, and whether that was told; by partition and offset. */
  private readonly undecided = new Map<string, { sinceMs: number; isTold: boolean }>();

  constructor(
    private readonly asker: Asker,
    /** As the broker names them. */
    private readonly topics: () => readonly string[],
  ) {}

  /**
   * Ends those of the topics that hang at this call; takes QUIET_MS where one may. One look at a time. What cannot be
   * found out now is looked for again with the next call. Never rejects.
   */
  async end(): Promise<void> {
    await this.looking;
    this.looking ??= this.look()
      .catch((error: unknown) => this.later(error))
      .finally(() => {
        this.looking = undefined;
      });
    await this.looking;
  }

  /**
   * Ends what this transactional id has left open, in whatever topics its newest transactions were, before it is taken
   * over. Bounded; never rejects.
   */
  async endOf(id: string): Promise<void> {
    const endMs = systemClock.monotonicMs() + BEFORE_CONNECT_MS;
    const work = async () => {
      let metadata = await this.metadata([STATE_TOPIC]);
      // A coordinator that loads, or has decided and not marked yet, is about to say more.
      while ((await this.isAboutToSay(id, metadata)) && systemClock.monotonicMs() < endMs) {
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS).unref());
        metadata = await this.metadata([STATE_TOPIC]);
      }
      // Its newest records: what is older was ended long ago, or is found by those who wait for it.
      const decisions = await this.decisions(id, metadata, () => true);
      const topics = [...new Set([...decisions.values()].map(({ place }) => place.topic))];
      const led = await this.metadata([STATE_TOPIC, ...topics]);
      const candidates: Candidate[] = [];
      for (const { place, decided } of decisions.values())
        for (const open of await this.openIn(place, led))
          if (isOf(open, decided)) candidates.push({ id, open, decided });
      await this.endAll(candidates, led, 0);
    };
    await inTime(work(), 2 * BEFORE_CONNECT_MS, 'the brokers do not answer').catch((error: unknown) =>
      this.later(error),
    );
  }

  private later(error: unknown): void {
    log.debug('transactions are looked at again', { error: PlatformError.from(error).message });
  }

  private metadata(topics: readonly string[]): Promise<Metadata> {
    return askAnyBroker(this.asker, async (socket) =>
      readMetadata(await socket.request(METADATA, metadataRequest(topics))),
    );
  }

  private async look(): Promise<void> {
    const metadata = await this.metadata([...this.topics(), STATE_TOPIC]);
    const places = await this.heldUp(metadata);
    const open = (await Promise.all(places.map((place) => this.openIn(place, metadata)))).flat();
    for (const key of this.undecided.keys()) if (!open.some((one) => keyOf(one) === key)) this.undecided.delete(key);
    if (open.length === 0) return;
    const candidates: Candidate[] = [];
    for (const producerId of new Set(open.map((one) => one.producerId))) {
      const own = open.filter((one) => one.producerId === producerId);
      const id = await this.idOf(producerId, metadata);
      const isEnough = (decisions: Decisions) => own.every((one) => decisions.has(placeKey(one)));
      const known: Decisions = id === undefined ? new Map() : await this.decisions(id, metadata, isEnough);
      for (const one of own) {
        const decided = known.get(placeKey(one))?.decided;
        if (id !== undefined && decided !== undefined && isOf(one, decided))
          candidates.push({ id, open: one, decided });
        else this.tellUndecided(one);
      }
    }
    await this.endAll(candidates, metadata, QUIET_MS);
  }

  /** Partitions in which something is written behind what readers of committed messages get to. */
  private async heldUp(metadata: Metadata): Promise<Place[]> {
    const topics = new Map([...metadata.topics].filter(([topic]) => topic !== STATE_TOPIC));
    const led = { nodes: metadata.nodes, topics };
    const stable = await offsetsLed(this.asker, led, 'stable');
    const written = await offsetsLed(this.asker, led, 'written');
    return stable.filter(({ topic, partition, error, offset }) => {
      const end = written.find((each) => each.topic === topic && each.partition === partition);
      return error === 0 && end !== undefined && end.offset > offset;
    });
  }

  private async openIn(place: Place, metadata: Metadata): Promise<OpenTransaction[]> {
    const leader = leaderOf(place, metadata);
    if (leader === undefined) return [];
    const answer = await askBroker(this.asker, leader, (socket) =>
      socket.request(DESCRIBE_PRODUCERS, describeProducersRequest([place])),
    );
    return readDescribeProducers(answer);
  }

  /** The transactional id, from whoever coordinates it. */
  private async idOf(producerId: bigint, metadata: Metadata): Promise<string | undefined> {
    for (const node of metadata.nodes.values()) {
      const listed = await askBroker(this.asker, node, async (socket) =>
        readListTransactions(await socket.request(LIST_TRANSACTIONS, listTransactionsRequest([producerId]))),
      ).catch(() => undefined); // its ids are another broker's soon, or its own again
      if (listed?.error === 0 && listed.ids[0] !== undefined) return listed.ids[0];
    }
    return undefined;
  }

  /**
   * Who leads the id's partition of the log coordinates it. None where that is nobody now, and where it loads or has a
   * transaction open.
   */
  private async decisions(id: string, metadata: Metadata, isEnough: (known: Decisions) => boolean): Promise<Decisions> {
    const none: Decisions = new Map();
    const coordinator = this.coordinatorOf(id, metadata);
    if (coordinator === undefined || !OVER.has(await this.stateOf(id, coordinator.leader))) return none;
    return decisionsOf(this.asker, coordinator.leader, { partition: coordinator.partition, id }, isEnough);
  }

  private coordinatorOf(id: string, metadata: Metadata): { leader: Node; partition: number } | undefined {
    const partitions = metadata.topics.get(STATE_TOPIC)?.length ?? 0;
    if (partitions === 0) return undefined;
    const partition = statePartition(id, partitions);
    const leader = leaderOf({ topic: STATE_TOPIC, partition }, metadata);
    return leader === undefined ? undefined : { leader, partition };
  }

  /** As Kafka calls it; '' where the coordinator says nothing now, or knows no such id. */
  private async stateOf(id: string, coordinator: Node): Promise<string> {
    const answer = await askBroker(this.asker, coordinator, (socket) =>
      socket.request(DESCRIBE_TRANSACTIONS, describeTransactionsRequest([id])),
    );
    const [known] = readDescribeTransactions(answer);
    if (known === undefined || known.error === ID_NOT_FOUND) return '';
    return known.error === 0 ? known.state : LOADS;
  }

  private async isAboutToSay(id: string, metadata: Metadata): Promise<boolean> {
    if (!metadata.topics.has(STATE_TOPIC)) return false; // nobody has had a transaction yet
    const coordinator = this.coordinatorOf(id, metadata);
    if (coordinator === undefined) return true;
    const state = await this.stateOf(id, coordinator.leader);
    return state === LOADS || state.startsWith('Prepare');
  }

  /** Those that are still what they were after a while, and whose coordinator has none open then either. */
  private async endAll(candidates: readonly Candidate[], metadata: Metadata, quietMs: number): Promise<void> {
    if (candidates.length === 0) return;
    if (quietMs > 0) await new Promise((resolve) => setTimeout(resolve, quietMs).unref());
    for (const { id, open, decided } of candidates) {
      const key = placeKey(open);
      const again = (await this.decisions(id, metadata, (known) => known.has(key))).get(key)?.decided;
      const isDecided =
        again?.producerEpoch === decided.producerEpoch &&
        again.isCommitted === decided.isCommitted &&
        isOf(open, again);
      const still = await this.openIn(open, metadata);
      const isSame = still.some((each) => keyOf(each) === keyOf(open) && each.lastSequence === open.lastSequence);
      if (isDecided && isSame) await this.endOne(open, decided.isCommitted, metadata);
    }
  }

  private async endOne(transaction: OpenTransaction, isCommitted: boolean, metadata: Metadata): Promise<void> {
    const { topic, partition, producerId, startOffset } = transaction;
    const leader = leaderOf(transaction, metadata);
    if (leader === undefined) return;
    const answer = await askBroker(this.asker, leader, (socket) =>
      socket.request(WRITE_MARKERS, writeMarkerRequest(transaction, isCommitted)),
    );
    const error = readWriteMarker(answer);
    const outcome = isCommitted ? 'committed' : 'aborted';
    const facts = { topic, partition, offset: startOffset, producerId: String(producerId), outcome };
    if (error === 0) {
      ended.add(1, { outcome });
      log.warn('a transaction that the broker had left open is ended', facts);
    } else if (NOT_ALLOWED.has(error))
      log.error(`a transaction hangs, and this user may not end it: ${BY_HAND}`, facts);
    else log.debug('a transaction that hangs is not ended yet', { ...facts, error });
  }

  private tellUndecided(open: OpenTransaction): void {
    const nowMs = systemClock.monotonicMs();
    const known = this.undecided.get(keyOf(open)) ?? { sinceMs: nowMs, isTold: false };
    this.undecided.set(keyOf(open), known);
    if (known.isTold || nowMs - known.sinceMs < TOLD_AFTER_MS) return;
    known.isTold = true;
    const { topic, partition, startOffset, producerId } = open;
    const facts = {
      topic,
      partition,
      offset: startOffset,
      producerId: String(producerId),
    };
    log.error(
      `a transaction is open for a minute, and no coordinator says how it ends: where it stays so, ${BY_HAND}`,
      facts,
    );
  }
}

const BY_HAND =
  'readers wait before it until an operator ends it (kafka-transactions.sh abort, with this topic, partition and start ' +
  'offset), or gives this user ClusterAction';

/** A fence, or the end of its time, aborts it in an epoch after its own. */
function isOf(open: OpenTransaction, { producerId, producerEpoch, isCommitted }: Decided): boolean {
  if (open.producerId !== producerId) return false;
  return isCommitted ? open.producerEpoch === producerEpoch : open.producerEpoch <= producerEpoch;
}

const keyOf = ({ topic, partition, producerId, startOffset }: OpenTransaction): string =>
  `${topic}/${partition}/${producerId}/${startOffset}`;

function leaderOf({ topic, partition }: Place, { topics, nodes }: Metadata): Node | undefined {
  return nodes.get(topics.get(topic)?.[partition] ?? -1);
}
