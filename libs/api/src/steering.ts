// What a person at the dashboard may say: to a rollout, to the loop. The monitor hands it to who decides (router,
// trainer) and adds nothing to it but where it came from. Each word names what was seen: from a page that is behind
// it is refused.

import Type from 'typebox';
import { get, post } from './endpoint.js';
import { RouteTraffic } from './router.js';
import { LOOP_WORDS, Loop } from './trainer.js';
import { answer, body, count, timeMs, version, word } from './values.js';

export const ROLLOUT_WORDS = ['skip', 'pause', 'resume', 'promote', 'abort', 'rollback'] as const;

const project = '/v1/projects/{project}';

/** Nobody checks the name: it is shown as what was said. */
const by = Type.String({ minLength: 1, maxLength: 128, pattern: '\\S', description: 'Who says it. Nobody checks it.' });
const reason = Type.String({ minLength: 1, maxLength: 1_024, pattern: '\\S', description: 'Why; kept.' });

const AUDIT_RESULTS = ['applied', 'refused'] as const;

const AuditEntry = answer(
  {
    id: Type.String({ description: 'Of the command, where there was one.' }),
    atMs: timeMs('Processing time.'),
    project: Type.String(),
    who: Type.String({ description: 'As it was said: nobody checks it. Empty: nobody said.' }),
    tool: Type.String({ description: 'Such as cli, dashboard, http, grpc, loop, router.' }),
    address: Type.String({ description: 'Where the call came from, as it is said; empty: from within.' }),
    action: Type.String({ description: 'Such as route.abort, loop.stop, project.apply.' }),
    subject: Type.String({ description: 'Such as version 3.' }),
    reason: Type.String(),
    result: word(AUDIT_RESULTS),
    detail: Type.String({ description: 'What came of it, as a sentence.' }),
    correlationId: Type.String(),
    isSound: Type.Boolean({
      description: 'It is what was written, and nothing that its writer wrote before it is missing.',
    }),
  },
  'AuditEntry',
);

export const steeringEndpoints = {
  audit: get({
    path: `${project}/audit`,
    summary: 'Who did what to the project, when, from where, why and with what result, newest first.',
    query: body({
      sinceMs: Type.Optional(timeMs('Processing time; default: from the beginning.')),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_000, description: 'Default 100.' })),
    }),
    answer: answer({
      project: Type.String(),
      entries: Type.Array(AuditEntry),
      more: count('Older ones that the limit left out.'),
      leftOut: count('Still older ones that this monitor does not hold; the topic has them.'),
    }),
  }),
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
