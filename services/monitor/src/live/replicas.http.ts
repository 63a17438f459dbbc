// Calls of another service of the platform that runs as several processes: of any of them, from the one that
// answered last on. A browser cannot, for they are other origins.

import { type Api, CALLER_HEADERS, type CalledFrom, type Client, clientOf, type Send } from '@millrace/api';
import { PlatformError } from '@millrace/domain';

/** A question: less than what makes an answer stale. */
const ASK_MS = 1_500;
/** A command is waited for as long as its receiver waits for its own log, and a little. */
const TELL_MS = 15_000;

export class Replicas<A extends Api> {
  private last = 0;
  private readonly clients: readonly Client<A>[];

  constructor(
    private readonly api: A,
    private readonly urls: readonly string[],
  ) {
    this.clients = urls.map((url) => clientOf(api, url, sender(ASK_MS)));
  }

  /** What changes nothing: of whichever answers. */
  ask<T>(call: (client: Client<A>) => Promise<T>): Promise<T> {
    return this.first(
      (at) => call(this.clients[at] as Client<A>),
      () => true,
    );
  }

  /** A word that a person said there: of another process only where this one cannot have taken it. */
  tell<T>(from: CalledFrom, call: (client: Client<A>) => Promise<T>): Promise<T> {
    return this.first(
      (at) => call(clientOf(this.api, this.urls[at] as string, sender(TELL_MS, from))),
      ({ facts }) => facts.refused === true || facts.standby === true,
    );
  }

  private async first<T>(
    call: (at: number) => Promise<T>,
    isOfNoEffect: (error: PlatformError) => boolean,
  ): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        return await call(this.last);
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        if (!isOfNoEffect(error) || tried >= this.urls.length) throw error;
        this.last = (this.last + 1) % this.urls.length;
      }
    }
  }
}

function sender(timeoutMs: number, from?: CalledFrom): Send {
  return async ({ method, url, contentType, body }) => {
    const headers = {
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(from === undefined ? {} : { [CALLER_HEADERS.tool]: from.tool, [CALLER_HEADERS.address]: from.address }),
    };
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await fetch(url, { method, headers, body, signal, redirect: 'error' });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      const isRefused = (cause as { cause?: { code?: string } }).cause?.code === 'ECONNREFUSED';
      const why = isRefused ? 'nobody listens there' : `no answer within ${timeoutMs} ms, or none that can be read`;
      const effect = isRefused ? 'nothing was done' : 'whether it was done is not known: look again';
      throw new PlatformError('unavailable', `${method} ${new URL(url).host}: ${why}; ${effect}`, {
        cause,
        facts: { refused: isRefused },
      });
    }
  };
}
