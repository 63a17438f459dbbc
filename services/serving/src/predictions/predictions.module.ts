// Wiring of the prediction log of serving's own versions.

import type { MessageProducer } from '@millrace/kafka';
import { openPredictionLog, type PredictionLog } from '@millrace/prediction-log';
import type { ServiceContext } from '@millrace/service';
import { counter, gauge } from '@millrace/telemetry';
import type { ServingConfig } from '../config.js';
import type { AnsweredBatch } from '../models/served-version.js';
import { messagesOf } from './predictions.kafka.js';
import { loggedBytes } from './row-bytes.js';

export interface PredictionWiring {
  predictions: PredictionLog<AnsweredBatch>;
  answered: (answer: AnsweredBatch) => void;
}

/** `producer` undefined: a folder is served alone; without packages there are no predictions to log. */
export function predictionLog(
  { config, log, readiness }: ServiceContext<ServingConfig>,
  producer: MessageProducer | undefined,
): PredictionWiring {
  const { predictions, offer } = openPredictionLog<AnsweredBatch>(config, {
    producer,
    messagesOf,
    log,
    counted: {
      written: counter('millrace.serving.predictions_logged').bind(),
      dropped: counter('millrace.serving.predictions_dropped').bind(),
      sampledOut: counter('millrace.serving.predictions_sampled_out').bind(),
    },
  });
  gauge('millrace.serving.log_queued').observe(() => predictions.queued);
  readiness.tell(() => predictions.trouble);
  const answered = (answer: AnsweredBatch): void => {
    offer(answer.job.id, answer, answer.job.rows, loggedBytes(answer.job));
  };
  return { predictions, answered };
}
