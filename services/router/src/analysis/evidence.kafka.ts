// evidence.v1, both ends: what this router counted goes there, what the others did comes from there; and losses.v1 and
// drift.v1, what monitors say of labels and which of their alarms ring. The predict path knows nothing of them. A word
// that could not be sent is superseded by the next one.

import { decodeDriftEvent, decodeEvidence, decodeRolloutLosses, encodeEvidence } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { CompactedReader, ensureTopics, type KafkaConnection, MessageProducer, untilAvailable } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { GatheredDrifts } from './gathered-drifts.js';
import type { GatheredEvidence, Word } from './gathered-evidence.js';
import type { GatheredLosses } from './gathered-losses.js';

const EVIDENCE_TOPIC = 'evidence.v1';
const LOSSES_TOPIC = 'losses.v1';
/** Not compacted: what is kept of it is read from its beginning, as who starts in the middle of a rollout has to. */
const DRIFT_TOPIC = 'drift.v1';
/** The next word comes in a second. */
const DEADLINE_MS = 2_000;
const CLOSE_MS = 500;
const SAID_EVERY_MS = 60_000;

export class EvidenceLog {
  private readonly log = logger('evidence');
  private readonly producer: MessageProducer;
  private readonly reader: CompactedReader;
  /** Of drift.v1, by partition: time of the first event that is kept; 0: nothing was deleted. */
  private readonly keptSinceMs = new Map<number, number>();
  private saidAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly connection: KafkaConnection,
    gathered: GatheredEvidence,
    { losses, drifts }: { losses: GatheredLosses; drifts: GatheredDrifts },
    private readonly nowMs: () => number,
  ) {
    this.producer = new MessageProducer(connection, { lingerMs: 0, name: 'evidence' });
    this.reader = new CompactedReader(connection, {
      name: 'router-evidence',
      topics: {
        [EVIDENCE_TOPIC]: (_key, value) => {
          if (value !== null) gathered.hear(decodeEvidence(value));
        },
        [LOSSES_TOPIC]: (_key, value) => {
          if (value !== null) losses.hear(decodeRolloutLosses(value));
        },
        [DRIFT_TOPIC]: (_key, value, { partition, offset, timestampMs }) => {
          // What was before the first one that is there is deleted.
          const keptSinceMs = this.keptSinceMs.get(partition) ?? (offset === 0 ? 0 : timestampMs);
          this.keptSinceMs.set(partition, keptSinceMs);
          if (value !== null) drifts.hear(decodeDriftEvent(value), this.nowMs(), keptSinceMs);
        },
      },
    });
  }

  /** In the background: waits for a broker as long as it takes. */
  follow(): void {
    untilAvailable('topics', () => ensureTopics(this.connection, [EVIDENCE_TOPIC, LOSSES_TOPIC, DRIFT_TOPIC]))
      .then(() => this.reader.start())
      .catch((error: unknown) => this.log.warn('what other routers and monitors count is not heard', {}, error));
  }

  say(word: Word): void {
    const message = { key: word.project, value: encodeEvidence({ ...word, versions: [...word.versions] }) };
    this.producer.send(EVIDENCE_TOPIC, [message], { deadlineMs: DEADLINE_MS }).catch((error: unknown) => {
      if (this.nowMs() - this.saidAtMs < SAID_EVERY_MS) return;
      this.saidAtMs = this.nowMs();
      this.log.warn('other routers do not hear what this one counts', {}, PlatformError.from(error));
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.reader.close(), this.producer.close(CLOSE_MS)]);
  }
}
