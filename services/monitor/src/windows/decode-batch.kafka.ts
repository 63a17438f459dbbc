// Decodes a partition batch; what is corrupt becomes a dead letter, its position is passed like any other.

import { PlatformError } from '@millrace/domain';
import type { BadMessage, InboundMessage } from '@millrace/kafka';
import type { Positioned } from './intake.js';

const NOTHING = new Uint8Array();

export function decodeBatch<T>(
  messages: readonly InboundMessage[],
  decode: (bytes: Uint8Array) => T,
): { batch: Positioned<T>[]; deadLetters: BadMessage[] } {
  const deadLetters: BadMessage[] = [];
  const batch = messages.map((message): Positioned<T> => {
    try {
      return { message: decode(message.value ?? NOTHING), offset: message.offset };
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'corrupt') throw error;
      deadLetters.push({ message, reasons: [{ code: 'decode_failed', field: '', message: error.reason }] });
      return { message: undefined, offset: message.offset };
    }
  });
  return { batch, deadLetters };
}
