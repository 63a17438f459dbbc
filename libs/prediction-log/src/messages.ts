// From answered predictions to messages of predictions.v1, one a row.

import { encodePrediction, messageKey, type PredictionMessage } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';

/** `id`: of the request; it spreads the rows over the partitions where there is no entity. '' = not traced. */
export function predictionMessage(prediction: PredictionMessage, id: string, traceparent: string): OutboundMessage {
  const key = messageKey(prediction.project, prediction.entity || id);
  const value = encodePrediction(prediction);
  return traceparent === '' ? { key, value } : { key, value, headers: { traceparent } };
}

/** What cannot be encoded now can never be: tried again for ever, it would hold up all that comes after it. */
export function encoded<T>(items: readonly T[], messagesOf: (item: T) => OutboundMessage[]): OutboundMessage[] {
  try {
    return items.flatMap(messagesOf);
  } catch (cause) {
    const { code, reason } = PlatformError.from(cause);
    throw new PlatformError(code, `a prediction cannot be encoded: ${reason}`, { retry: 'never', cause });
  }
}
