// Of the replicas of a service the one that answers: the last that did, then the others in turn. Nobody is asked twice
// for what may have been done: only where nobody listens, or a process says that it stands by for another. What one
// does not know another may: an import is known where it was begun.

import type { HttpAnswer, HttpRequest } from '@millrace/api';
import { PlatformError } from '@millrace/domain';

export class LivingReplica {
  /** Where the last answer came from; what was sent in pieces goes on there. */
  private at = 0;

  /** @param urls base URLs, replica 0 first */
  constructor(private readonly urls: readonly string[]) {}

  /** @param request to replica 0 */
  async send(request: HttpRequest, send: (request: HttpRequest) => Promise<HttpAnswer>): Promise<HttpAnswer> {
    const [first = ''] = this.urls;
    // Its own: others may be on their way at the same time.
    let at = this.at;
    for (let tried = 1; ; tried++) {
      const isLast = tried >= this.urls.length;
      const url = `${this.urls[at] ?? first}${request.url.slice(first.length)}`;
      try {
        const answer = await send({ ...request, url });
        const isAnotherAsked = standsBy(answer) || (request.method === 'GET' && answer.status === 404);
        if (!isAnotherAsked) this.at = at;
        if (isLast || !isAnotherAsked) return answer;
      } catch (thrown) {
        if (isLast || !isElsewhere(thrown, request)) throw thrown;
      }
      at = (at + 1) % this.urls.length;
    }
  }
}

/** What changes nothing may be asked again, whatever became of it. */
function isElsewhere(thrown: unknown, { method }: HttpRequest): boolean {
  const { code, facts } = PlatformError.from(thrown);
  return code === 'unavailable' && (method === 'GET' || facts.refused === true);
}

function standsBy({ status, text }: HttpAnswer): boolean {
  if (status !== 503) return false;
  try {
    const { error } = JSON.parse(text) as { error?: { facts?: { standby?: unknown } } };
    return error?.facts?.standby === true;
  } catch {
    return false; // an error page of something else
  }
}
