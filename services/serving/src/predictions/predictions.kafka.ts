// Answered rows of serving's own versions as messages of predictions.v1.

import { rowName } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';
import { predictionMessage } from '@millrace/prediction-log';
import type { AnsweredBatch } from '../models/served-version.js';

export function messagesOf({ version, job, numbers, answeredAtMs, latencyMs }: AnsweredBatch): OutboundMessage[] {
  const { project, modelSha256, head } = version.facts;
  return job.raw.map((features, row) => {
    const { predictionId, requestId, entity } = rowName(job, row);
    return predictionMessage(
      {
        predictionId,
        project,
        entity,
        modelVersion: version.facts.version,
        eventTimeMs: job.eventTimeMs,
        answeredAtMs,
        latencyUs: Math.round(latencyMs * 1000),
        features,
        outputs: head.outputs(numbers, row),
        traceId: job.traceId,
        modelSha256,
        role: job.facts.shadow === true ? 'shadow' : 'live',
        draw: job.facts.draw,
      },
      requestId,
      job.facts.traceparent,
    );
  });
}
