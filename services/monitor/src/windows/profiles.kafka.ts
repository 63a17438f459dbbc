// profiles.v1: what the monitors that share partition numbers tell each other (board.ts), written in transactions of
// the number's writer together with what its judges publish and what routers are told of labels, and read whole by
// everyone. An entry lies in the
// partition of its writer's number, so that its key is always in the same one.

import { decodePartialProfile, encodePartialProfile, encodeRolloutLosses } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { CompactedReader, FencedWriters, inParts, type KafkaConnection, type OutboundMessage } from '@millrace/kafka';
import { parseKey, type Written } from './board.js';
import type { JudgementMessages } from './closed-windows.kafka.js';
import type { Engine } from './engine.js';
import type { News } from './reports.js';

const TOPIC = 'profiles.v1';
const LOSSES_TOPIC = 'losses.v1';

type Told = Pick<News, 'entries' | 'judgements'> & Partial<Pick<News, 'losses'>>;

export class BoardWriters {
  private readonly writers: FencedWriters;
  private readonly underWay = new Set<Promise<void>>();

  constructor(
    connection: KafkaConnection,
    private readonly judgements: JudgementMessages,
    /** It is not known whether a transaction of the number was committed: it must be taken over again. */
    private readonly lost: (partition: number, error: PlatformError) => void,
  ) {
    this.writers = new FencedWriters(connection, 'monitor');
  }

  fence(numbers: readonly number[]): Promise<readonly number[]> {
    return this.writers.hold(numbers);
  }

  /** Resolves when everything that was published before has come to its end. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.underWay);
  }

  /** Rejects with `conflict` where another process has taken the number. */
  publish(partition: number, news: Told): Promise<void> {
    const publishing = this.publishNow(partition, news).finally(() => this.underWay.delete(publishing));
    this.underWay.add(publishing);
    return publishing;
  }

  private async publishNow(partition: number, { entries, judgements, losses = [] }: Told) {
    // Bytes at once: what is told goes on changing while they are sent.
    const board = entries.map((entry) => toMessage(entry, partition));
    const topics = this.judgements.of(judgements);
    const labelled = losses.map((said) => ({
      ...{ key: `${said.project}/${said.partition}`, value: encodeRolloutLosses(said), partition },
    }));
    const writer = this.writers.of(partition);
    const writing = writer.transaction(async (tx) => {
      for (const part of inParts(board, SENT_BYTES_MAX)) await tx.send(TOPIC, part, { compressed: true });
      for (const [topic, messages] of topics) await tx.send(topic, messages);
      if (labelled.length > 0) await tx.send(LOSSES_TOPIC, labelled);
    });
    try {
      await writing;
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'conflict' && !writer.isUsable) this.lost(partition, error);
      throw error;
    }
    this.judgements.published(judgements);
  }

  close(): Promise<void> {
    return this.writers.close();
  }
}

export function boardReader(connection: KafkaConnection, name: string, engine: Engine, nowMs: () => number) {
  return new CompactedReader(connection, {
    name,
    topics: {
      [TOPIC]: (key, value) => {
        engine.told(key, value === null ? null : JSON.parse(text(decodePartialProfile(value).profile)), nowMs());
      },
    },
  });
}

function toMessage({ key, value }: Written, partition: number): OutboundMessage {
  if (value === null) return { key, value: null, partition };
  const parsed = parseKey(key);
  const project = parsed !== undefined && 'project' in parsed ? parsed.project : '';
  const windowStartMs = parsed !== undefined && 'startMs' in parsed ? parsed.startMs : 0;
  const profile = Buffer.from(JSON.stringify(value));
  const rest = { windowEndMs: 0, firstOffset: 0, lastOffset: 0, modelVersion: 0 };
  return { key, value: encodePartialProfile({ project, windowStartMs, partition, profile, ...rest }), partition };
}

/** What is sent at once is one batch, which the broker takes up to 8 MiB compressed; JSON compresses to a quarter. */
const SENT_BYTES_MAX = 8 * 1_048_576;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
