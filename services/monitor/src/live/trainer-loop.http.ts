// Asks the trainer for a project's loop: a browser cannot, for the trainer is another origin. No decisions here.

import { clientOf, type HttpAnswer, type HttpRequest, trainerApi } from '@millrace/api';
import type { AskLoop } from './loops.js';

/** Less than what makes an answer stale. */
const TIMEOUT_MS = 1_500;

/** @param urls of all trainers: one of them does the work, and the others say that they do not */
export function trainerLoops(urls: readonly string[]): AskLoop {
  const trainers = urls.map((url) => clientOf(trainerApi, url, send));
  let last = 0;
  return async (project) => {
    for (let tried = 1; ; tried++) {
      try {
        return await (trainers[last] as (typeof trainers)[0]).loop({ path: { project } });
      } catch (thrown) {
        last = (last + 1) % trainers.length;
        if (tried >= trainers.length) throw thrown;
      }
    }
  };
}

async function send({ method, url }: HttpRequest): Promise<HttpAnswer> {
  const response = await fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  return { status: response.status, text: await response.text() };
}
