// Asks the trainer for a project's loop: a browser cannot, for the trainer is another origin. No decisions here.

import { clientOf, type HttpAnswer, type HttpRequest, trainerApi } from '@millrace/api';
import { hostAndPort } from '@millrace/deployment';
import type { AskLoop } from './loops.js';

/** Less than what makes an answer stale. */
const TIMEOUT_MS = 1_500;

export function trainerLoops(host: string, port: number): AskLoop {
  const trainer = clientOf(trainerApi, `http://${hostAndPort(host, port)}`, send);
  return (project) => trainer.loop({ path: { project } });
}

async function send({ method, url }: HttpRequest): Promise<HttpAnswer> {
  const response = await fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  return { status: response.status, text: await response.text() };
}
