// Follows projects.v1 and routes.v1. The broker may be away at the start or at any time: reading begins when it is
// there.

import { decodeProject, decodeRoute } from '@millrace/contracts';
import { CompactedReader, type KafkaConnection } from '@millrace/kafka';
import { logger } from '@millrace/telemetry';
import type { ControlState } from './control-state.js';

/** Between two attempts to begin reading. */
const RETRY_MS = 1000;

export class ControlFollower {
  private readonly log = logger('control');
  private readonly reader: CompactedReader;
  private closed = false;

  constructor(connection: KafkaConnection, state: ControlState, replica: string) {
    this.reader = new CompactedReader(connection, {
      name: `serving-${replica}`,
      topics: {
        'projects.v1': (key, value) => state.projectEntry(key, value === null ? null : decodeProject(value)),
        'routes.v1': (key, value) => state.routeEntry(key, value === null ? null : decodeRoute(value)),
      },
    });
  }

  /** Resolves when both topics were read to their end once. */
  async follow(): Promise<void> {
    for (let attempt = 1; !this.closed; attempt++) {
      try {
        await this.reader.caughtUp();
        return;
      } catch (error) {
        if (attempt === 1) this.log.warn('waiting for Kafka to say which models to serve', {}, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.reader.close();
  }
}
