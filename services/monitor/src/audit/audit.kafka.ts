// audit.v1, read whole and followed, in the background: the monitor does its work without it. What cannot be read is
// skipped, and is missed in its writer's chain.

import { AuditChains } from '@millrace/audit';
import { decodeAuditEntry } from '@millrace/contracts';
import { CompactedReader, ensureTopics, type KafkaConnection, untilAvailable } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import { AuditBook } from './audit-book.js';

const AUDIT_TOPIC = 'audit.v1';

export function auditOf(connection: KafkaConnection, replica: string) {
  const chains = new AuditChains();
  const book = new AuditBook((entry) => chains.hear(entry));
  const reader = new CompactedReader(connection, {
    name: `monitor-audit-${replica}`,
    topics: {
      [AUDIT_TOPIC]: (_key, value) => {
        if (value !== null) book.hear(decodeAuditEntry(value));
      },
    },
  });
  const follow = (): void => {
    untilAvailable('topics', () => ensureTopics(connection, [AUDIT_TOPIC]))
      .then(() => reader.start())
      .catch((error: unknown) => logger('audit').warn('the audit is not read', {}, error));
  };
  return { book, follow, isRead: () => reader.isCaughtUp(), close: () => reader.close() };
}
