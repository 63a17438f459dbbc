// Receivers of webhooks in plain words: what each has taken, what waits for it, and why it does.

import type { AnswerOf, monitorApi } from '@millrace/api';
import { timeText } from '@millrace/domain';
import { table } from '../table.js';

type Calls = typeof monitorApi.endpoints;
type Webhook = AnswerOf<Calls['webhooks']>['webhooks'][number];
type Trial = AnswerOf<Calls['testWebhooks']>['webhooks'][number];

export function webhooksText(webhooks: readonly Webhook[], width?: number): string {
  if (webhooks.length === 0) return 'no webhooks: name receivers under notify.webhooks of the project file';
  const rows = webhooks.map((one) => [one.url, one.state, one.delivered, one.waiting, one.givenUp, says(one)]);
  return table(['receiver', 'state', 'delivered', 'waiting', 'given up', 'why'], rows, width);
}

export function trialText(trials: readonly Trial[], width?: number): string {
  return table(
    ['receiver', 'trial', 'why'],
    trials.map(({ url, taken, says: why }) => [url, taken ? 'taken' : 'not taken', taken ? '' : why]),
    width,
  );
}

function says({ says: why, nextTryMs }: Webhook): string {
  return nextTryMs === null ? why : `${why}; tried again at ${timeText(nextTryMs)}`;
}
