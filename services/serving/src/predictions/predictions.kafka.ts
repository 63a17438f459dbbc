// Writes answered predictions to predictions.v1, one message a row. Encoding happens here, off the request path.

import { encodePrediction, messageKey } from '@millrace/contracts';
import { PlatformError, predictionId } from '@millrace/domain';
import type { MessageProducer, OutboundMessage } from '@millrace/kafka';
import type { AnsweredBatch } from '../models/served-version.js';

function messagesOf({ version, job, numbers, answeredAtMs, latencyMs }: AnsweredBatch): OutboundMessage[] {
  const { project, modelSha256, head } = version.facts;
  const { traceparent } = job.facts;
  // Without an entity the request's id spreads the rows over the partitions.
  const key = messageKey(project, job.entity || job.id);
  return job.raw.map((features, row) => {
    const value = encodePrediction({
      predictionId: predictionId(job.id, row),
      project,
      entity: job.entity,
      modelVersion: version.facts.version,
      eventTimeMs: job.eventTimeMs,
      answeredAtMs,
      latencyUs: Math.round(latencyMs * 1000),
      features,
      outputs: head.outputs(numbers, row),
      traceId: job.traceId,
      modelSha256,
      role: 'live',
    });
    return traceparent === '' ? { key, value } : { key, value, headers: { traceparent } };
  });
}

/** What cannot be encoded now can never be: tried again for ever, it would hold up all that comes after it. */
function encoded(answers: readonly AnsweredBatch[]): OutboundMessage[] {
  try {
    return answers.flatMap(messagesOf);
  } catch (cause) {
    const { code, reason } = PlatformError.from(cause);
    throw new PlatformError(code, `a prediction cannot be encoded: ${reason}`, { retry: 'never', cause });
  }
}

export function predictionWriter(
  producer: Pick<MessageProducer, 'send'>,
): (answers: readonly AnsweredBatch[]) => Promise<void> {
  return async (answers) => producer.send('predictions.v1', encoded(answers));
}
