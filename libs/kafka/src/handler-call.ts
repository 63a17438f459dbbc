// One call of a handler that Nest hands over, and what it says where it cannot go on now.

import type { PlatformError } from '@millrace/domain';
import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { type BatchResult, StopConsuming } from './batch-runner.js';
import type { InboundMessage } from './message.js';

/** Not a PlatformError: it passes through the retry logic untouched. */
export class OverloadedHandler extends StopConsuming {
  readonly afterMs: number;

  constructor(error: PlatformError) {
    super(error);
    this.afterMs = typeof error.retry === 'object' ? error.retry.afterMs : 0;
  }
}

export async function callHandler(
  handler: MessageHandler,
  messages: InboundMessage[],
  context: unknown,
): Promise<BatchResult | undefined> {
  const returned: unknown = await handler(messages, context);
  // Nest wraps what an exception filter returns into an Observable.
  const value = isObservable(returned) ? await lastValueFrom(returned, { defaultValue: undefined }) : returned;
  return (value ?? undefined) as BatchResult | undefined;
}
