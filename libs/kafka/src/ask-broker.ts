// One question to a broker over a connection of its own: for what is asked seldom, and must come to an end in bounded
// time.

import { systemClock } from '@millrace/domain';
import { BrokerSocket } from './produce/broker-socket.js';
import type { Node } from './produce/protocol.js';

/** What a connection to Kafka says of itself. */
export interface Asker {
  readonly brokers: readonly string[];
  readonly clientId: string;
}

/** @throws PlatformError 'unavailable' where it does not answer in time */
export async function askBroker<T>(
  { clientId }: Asker,
  node: Node,
  ask: (socket: BrokerSocket) => Promise<T>,
): Promise<T> {
  const socket = await BrokerSocket.open(node, clientId, systemClock);
  try {
    return await ask(socket);
  } finally {
    socket.close();
  }
}

/** The first of the named brokers that answers. @throws what the last one threw */
export async function askAnyBroker<T>(asker: Asker, ask: (socket: BrokerSocket) => Promise<T>): Promise<T> {
  let failure: unknown;
  for (const broker of asker.brokers) {
    const colon = broker.lastIndexOf(':');
    const node = { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
    try {
      return await askBroker(asker, node, ask);
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}
