// Wiring of the prediction log: which answers are logged, and where the log is written.

import type { MessageProducer } from '@millrace/kafka';
import type { ServiceContext } from '@millrace/service';
import { counter, gauge } from '@millrace/telemetry';
import type { ServingConfig } from '../config.js';
import type { AnsweredBatch } from '../models/served-version.js';
import { logSample } from './log-sample.js';
import { PredictionLog } from './prediction-log.js';
import { predictionWriter } from './predictions.kafka.js';
import { loggedBytes } from './row-bytes.js';

/** Rows of one write to Kafka: encoding them holds the event loop for well under a millisecond. */
const LOG_BATCH_ROWS = 256;
const LOG_LINGER_MS = 20;
const LOG_RETRY_MS = 500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface PredictionWiring {
  predictions: PredictionLog<AnsweredBatch>;
  answered: (answer: AnsweredBatch) => void;
}

/** `producer` undefined: a folder is served alone; without packages there are no predictions to log. */
export function predictionLog(
  { config, log }: ServiceContext<ServingConfig>,
  producer: MessageProducer | undefined,
): PredictionWiring {
  const written = counter('millrace.serving.predictions_logged').bind();
  const dropped = counter('millrace.serving.predictions_dropped').bind();
  const predictions = new PredictionLog<AnsweredBatch>(
    {
      rowsMax: config.logRowsMax,
      bytesMax: config.logBytesMax,
      batchRowsMax: LOG_BATCH_ROWS,
      lingerMs: LOG_LINGER_MS,
      retryMs: LOG_RETRY_MS,
    },
    {
      write: producer ? predictionWriter(producer) : async () => {},
      sleep,
      counted: (outcome, rows) => (outcome === 'written' ? written : dropped).add(rows),
      state: (healthy, error) => {
        if (healthy) log.info('the prediction log is written again');
        else log.warn('the prediction log cannot be written; predictions go on', {}, error);
      },
    },
  );
  gauge('millrace.serving.log_queued').observe(() => predictions.queued);
  const chosen = logSample(config.logShare);
  const sampledOut = counter('millrace.serving.predictions_sampled_out').bind();
  const answered = (answer: AnsweredBatch): void => {
    const { id, rows } = answer.job;
    if (chosen(id)) predictions.offer(answer, rows, loggedBytes(answer.job));
    else sampledOut.add(rows);
  };
  return { predictions, answered };
}
