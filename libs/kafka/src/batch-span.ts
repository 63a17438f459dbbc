// Tracing of consumed batches: no span per message, and none at all where nothing was sampled.

import {
  ATTRIBUTES,
  type Context,
  extractTrace,
  failSpan,
  type Link,
  parseTraceparent,
  runInSpan,
  SpanKind,
  startSpan,
} from '@millrace/telemetry';
import type { InboundMessage } from './message.js';

/** Links beyond it are left out: a span must stay small. */
const LINKS_MAX = 32;

/** One span per batch, only where a message was sampled: child of the first such message, linked to the others. */
export async function inBatchSpan<T>(
  messages: readonly InboundMessage[],
  batch: { readonly topic: string; readonly partition: number },
  work: () => Promise<T>,
): Promise<T> {
  let parent: Context | undefined;
  const links: Link[] = [];
  for (const message of messages) {
    const traceparent = message.headers.traceparent;
    if (traceparent === undefined || !traceparent.endsWith('1')) continue;
    if (parent === undefined) parent = extractTrace(message.headers);
    else {
      const context = parseTraceparent(traceparent);
      if (context !== undefined) links.push({ context });
      if (links.length >= LINKS_MAX) break;
    }
  }
  if (parent === undefined) return work();
  const span = startSpan(`process ${batch.topic}`, {
    kind: SpanKind.CONSUMER,
    parent,
    links,
    attributes: {
      [ATTRIBUTES.messagingSystem]: 'kafka',
      [ATTRIBUTES.messagingOperation]: 'process',
      [ATTRIBUTES.messagingDestination]: batch.topic,
      [ATTRIBUTES.messagingPartition]: String(batch.partition),
      [ATTRIBUTES.messagingBatchCount]: messages.length,
    },
  });
  try {
    return await runInSpan(span, work);
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}
