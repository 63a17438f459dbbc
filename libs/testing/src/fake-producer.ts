// A producer that keeps what it is given, for unit tests of whatever sends. Same surface as MessageProducer.

import type { PlatformError } from '@millrace/domain';
import type { MessageProducer, OutboundMessage } from '@millrace/kafka';

export interface SentMessage {
  topic: string;
  key: string;
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
}

export class FakeProducer
  implements Pick<MessageProducer, 'send' | 'offer' | 'flush' | 'close' | 'connect' | 'isConnected' | 'backlog'>
{
  readonly sent: SentMessage[] = [];
  /** Set to make every send fail (and every offer say no). */
  failure: PlatformError | undefined;

  async send(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    for (const { key, value, headers } of messages)
      this.sent.push({
        topic,
        key: typeof key === 'string' ? key : Buffer.from(key).toString(),
        value,
        headers: headers ?? {},
      });
  }

  offer(topic: string, message: OutboundMessage): boolean {
    if (this.failure !== undefined) return false;
    this.sent.push({ topic, key: String(message.key), value: message.value, headers: message.headers ?? {} });
    return true;
  }

  /** Values sent to a topic, in order. */
  values(topic: string): Uint8Array[] {
    return this.sent
      .filter((message) => message.topic === topic && message.value !== null)
      .map((message) => message.value as Uint8Array);
  }

  async connect(): Promise<void> {}
  async flush(): Promise<void> {}
  async close(): Promise<void> {}

  isConnected(): boolean {
    return this.failure === undefined;
  }

  backlog(): number {
    return 0;
  }
}
