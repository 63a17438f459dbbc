// The log as a process has it: which requests are logged, where the rows go, what is counted and said of it. Encoding
// happens in the drain, off the request path.

import type { MessageProducer, OutboundMessage } from '@millrace/kafka';
import type { BoundCounter, Logger } from '@millrace/telemetry';
import { logSample } from './log-sample.js';
import { encoded } from './messages.js';
import { PredictionLog } from './prediction-log.js';

/** Rows of one write to Kafka: encoding them holds the event loop for well under a millisecond. */
const BATCH_ROWS = 256;
/**
 * Each write wakes the broker and all who read of it, on the cores that answer requests. At 20 ms a write met one
 * request in six of a client that asks every 3 ms; nobody who reads the log waits for a tenth of a second.
 */
const LINGER_MS = 100;
const RETRY_MS = 500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface PredictionLogSettings {
  logRowsMax: number;
  logBytesMax: number;
  /** Share of the request ids that are logged. */
  logShare: number;
}

interface PredictionLogParts<T> {
  /** undefined: there is no Kafka, and nothing that would have to be logged. */
  producer: Pick<MessageProducer, 'send'> | undefined;
  messagesOf(item: T): OutboundMessage[];
  log: Logger;
  counted: { written: BoundCounter; dropped: BoundCounter; sampledOut: BoundCounter };
}

interface OpenPredictionLog<T> {
  predictions: PredictionLog<T>;
  /** Never waits, never throws. `bytes`: about what the item keeps in memory. */
  offer(requestId: string, item: T, rows: number, bytes: number): void;
}

export function openPredictionLog<T>(
  { logRowsMax, logBytesMax, logShare }: PredictionLogSettings,
  { producer, messagesOf, log, counted }: PredictionLogParts<T>,
): OpenPredictionLog<T> {
  const predictions = new PredictionLog<T>(
    { rowsMax: logRowsMax, bytesMax: logBytesMax, batchRowsMax: BATCH_ROWS, lingerMs: LINGER_MS, retryMs: RETRY_MS },
    {
      write: async (items) => producer?.send('predictions.v1', encoded(items, messagesOf)),
      sleep,
      counted: (outcome, rows) => counted[outcome].add(rows),
      state: (healthy, error) => {
        if (healthy) log.info('the prediction log is written again');
        else log.warn('the prediction log cannot be written; predictions go on', {}, error);
      },
    },
  );
  const chosen = logSample(logShare);
  const offer = (requestId: string, item: T, rows: number, bytes: number): void => {
    if (chosen(requestId)) predictions.offer(item, rows, bytes);
    else counted.sampledOut.add(rows);
  };
  return { predictions, offer };
}
