// What a person at the dashboard may say: to a rollout, to the loop. The monitor hands it to who decides (router,
// trainer) and adds nothing to it but where it came from. Each word names what was seen: from a page that is behind
// it is refused.

import Type from 'typebox';
import { post } from './endpoint.js';
import { RouteTraffic } from './router.js';
import { LOOP_WORDS, Loop } from './trainer.js';
import { answer, body, count, version } from './values.js';

export const ROLLOUT_WORDS = ['skip', 'pause', 'resume', 'promote', 'abort', 'rollback'] as const;

const project = '/v1/projects/{project}';

/** Nobody checks the name: it is shown as what was said. */
const by = Type.String({ minLength: 1, maxLength: 128, pattern: '\\S', description: 'Who says it. Nobody checks it.' });
const reason = Type.String({ minLength: 1, maxLength: 1_024, pattern: '\\S', description: 'Why; kept.' });

export const steeringEndpoints = {
  steerRollout: post({
    path: `${project}/rollout/{command}`,
    summary: `${ROLLOUT_WORDS.join(', ')}: a word of a person to the rollout that the page shows.`,
    body: body({
      by,
      reason,
      version: version(),
      revision: count('Of the route that the page shows: a conflict where it has another one by now.'),
    }),
    answer: answer({ route: RouteTraffic }),
  }),
  steerLoop: post({
    path: `${project}/loop/{command}`,
    summary: `${LOOP_WORDS.join(', ')}: a word of a person to the loop.`,
    body: body({
      by,
      reason,
      about: Type.Optional(
        Type.String({ maxLength: 1_024, description: '`asked.about` of the loop that the page shows.' }),
      ),
    }),
    answer: Loop,
  }),
};
