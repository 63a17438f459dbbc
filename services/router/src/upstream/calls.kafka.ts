// Logged calls of a server elsewhere as messages of predictions.v1, one a row.

import { rowName } from '@millrace/domain';
import type { OutboundMessage } from '@millrace/kafka';
import { predictionMessage } from '@millrace/prediction-log';
import { parseTraceparent } from '@millrace/telemetry';
import type { LoggedCall } from './call-log.js';

export function messagesOf(call: LoggedCall): OutboundMessage[] {
  const { version, eventTimeMs, facts, rows, inputs, outputs } = call;
  const features = version.rows?.features(inputs, rows) ?? [];
  const traceId = parseTraceparent(facts.traceparent)?.traceId ?? '';
  return features.map((values, row) => {
    const { predictionId, requestId, entity } = rowName(call, row);
    return predictionMessage(
      {
        predictionId,
        project: version.project,
        entity,
        modelVersion: version.version,
        eventTimeMs,
        answeredAtMs: facts.answeredAtMs,
        latencyUs: Math.round(facts.latencyMs * 1_000),
        features: values,
        outputs: outputs[row] ?? [],
        traceId,
        modelSha256: version.modelSha256,
        role: 'live',
      },
      requestId,
      facts.traceparent,
    );
  });
}
