// Transactions that never end: a broker that was killed between "the transaction is committed" and the marker that says
// so in a partition may, as it starts again, take the partition for deleted and leave the marker out (Kafka 4.4,
// TransactionMarkerChannelManager: "likely deleted already and hence can be skipped"). Its coordinator then knows the
// transaction as complete, the partition as open, and readers of committed messages wait before it for ever. Here the
// marker that is missing is written.
//
// Certain by the order of three questions: the partition has an open transaction; its coordinator has none; the
// partition has the same one still. One that is only on its way to its end fails the second or the third.

import { PlatformError } from '@millrace/domain';
import { counter, logger } from '@millrace/telemetry';
import { type Asker, askAnyBroker, askBroker } from '../ask-broker.js';
import { METADATA, type Metadata, metadataRequest, type Node, readMetadata } from '../produce/protocol.js';
import { offsetsLed } from '../topic-offsets.js';
import {
  type CoordinatedTransaction,
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

const log = logger('kafka-transactions');
const ended = counter('millrace.kafka.hanging_transactions');

/** How it ends: as its coordinator says; committed where the coordinator has forgotten how. */
export type Outcome = 'committed' | 'aborted' | 'assumed committed';

/**
 * undefined: it is open for its coordinator, too, or nobody knows of it now (a coordinator that loads says nothing).
 *
 * A marker is written only once the coordinator has decided, and abort is decided where a transaction fails or runs out
 * of time, which is seldom beside the crash of a broker: where the id was taken over since, it counts as committed.
 */
export function outcomeOf(
  { producerEpoch }: Pick<OpenTransaction, 'producerEpoch'>,
  known: Pick<CoordinatedTransaction, 'state' | 'producerEpoch'> | undefined,
): Outcome | undefined {
  if (known === undefined) return undefined;
  const isOver = known.state === 'CompleteCommit' || known.state === 'CompleteAbort' || known.state === 'Empty';
  if (!isOver) return undefined;
  // One whose time ran out is aborted in the epoch after its own.
  if (known.state === 'CompleteAbort' && known.producerEpoch <= producerEpoch + 1) return 'aborted';
  const isItsOwn = known.state === 'CompleteCommit' && known.producerEpoch === producerEpoch;
  return isItsOwn ? 'committed' : 'assumed committed';
}

export class HangingTransactions {
  private looking: Promise<void> | undefined;

  constructor(
    private readonly asker: Asker,
    /** As the broker names them. */
    private readonly topics: () => readonly string[],
  ) {}

  /**
   * Ends those of the topics that hang at this call. One look at a time. What cannot be found out now is told in the
   * log, and looked for again with the next call.
   */
  async end(): Promise<void> {
    await this.looking;
    this.looking ??= this.look()
      .catch((error: unknown) =>
        log.debug('transactions are looked at again', { error: PlatformError.from(error).message }),
      )
      .finally(() => {
        this.looking = undefined;
      });
    await this.looking;
  }

  private async look(): Promise<void> {
    const metadata = await askAnyBroker(this.asker, async (socket) =>
      readMetadata(await socket.request(METADATA, metadataRequest(this.topics()))),
    );
    const stable = await offsetsLed(this.asker, metadata, 'stable');
    const written = await offsetsLed(this.asker, metadata, 'written');
    const open: OpenTransaction[] = [];
    for (const { topic, partition, offset } of stable) {
      const end = written.find((each) => each.topic === topic && each.partition === partition);
      if (end !== undefined && end.offset > offset) open.push(...(await this.openIn({ topic, partition }, metadata)));
    }
    if (open.length === 0) return;
    const known = await this.coordinated(open, metadata);
    for (const transaction of open) {
      const outcome = outcomeOf(transaction, known.get(transaction.producerId));
      if (outcome !== undefined) await this.endOne(transaction, outcome, metadata);
    }
  }

  private async openIn(place: Place, metadata: Metadata): Promise<OpenTransaction[]> {
    const leader = leaderOf(place, metadata);
    if (leader === undefined) return [];
    const answer = await askBroker(this.asker, leader, (socket) =>
      socket.request(DESCRIBE_PRODUCERS, describeProducersRequest([place])),
    );
    return readDescribeProducers(answer);
  }

  /** By producer id: what whoever coordinates it says. */
  private async coordinated(
    open: readonly OpenTransaction[],
    metadata: Metadata,
  ): Promise<ReadonlyMap<bigint, CoordinatedTransaction>> {
    const known = new Map<bigint, CoordinatedTransaction>();
    const producerIds = [...new Set(open.map(({ producerId }) => producerId))];
    for (const node of metadata.nodes.values()) {
      const described = await askBroker(this.asker, node, async (socket) => {
        const listed = readListTransactions(
          await socket.request(LIST_TRANSACTIONS, listTransactionsRequest(producerIds)),
        );
        if (listed.error !== 0 || listed.ids.length === 0) return [];
        return readDescribeTransactions(
          await socket.request(DESCRIBE_TRANSACTIONS, describeTransactionsRequest(listed.ids)),
        );
      });
      for (const each of described) if (each.error === 0) known.set(each.producerId, each);
    }
    return known;
  }

  private async endOne(transaction: OpenTransaction, outcome: Outcome, metadata: Metadata): Promise<void> {
    const { topic, partition, producerId, startOffset } = transaction;
    const leader = leaderOf(transaction, metadata);
    const still = await this.openIn(transaction, metadata);
    if (
      leader === undefined ||
      !still.some((each) => each.producerId === producerId && each.startOffset === startOffset)
    )
      return;
    const answer = await askBroker(this.asker, leader, (socket) =>
      socket.request(WRITE_MARKERS, writeMarkerRequest(transaction, outcome !== 'aborted')),
    );
    const error = readWriteMarker(answer);
    const facts = { topic, partition, offset: startOffset, producerId: String(producerId), outcome };
    if (error !== 0) {
      const words =
        'a transaction hangs, and the broker does not let it be ended: readers wait before it until an operator ends it ' +
        'with kafka-transactions.sh abort --topic … --partition … --start-offset …, or this user may do ClusterAction';
      log.error(words, facts, new PlatformError('permission_denied', `Kafka: error ${error}`));
      return;
    }
    ended.add(1, { outcome: outcome === 'aborted' ? 'aborted' : 'committed' });
    log.warn('a transaction that the broker had left open is ended', facts);
  }
}

function leaderOf({ topic, partition }: Place, { topics, nodes }: Metadata): Node | undefined {
  return nodes.get(topics.get(topic)?.[partition] ?? -1);
}
