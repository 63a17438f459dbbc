// Serving's own HTTP API (8030) beside the V2 protocol: numbers, and batch jobs from topic to topic.

import Type from 'typebox';
import { get, post, remove } from './endpoint.js';
import { answer, body, count, figure, timeMs, word } from './values.js';

const Latency = answer({ requests: Type.Optional(count()), p50Ms: figure(), p99Ms: figure() });

const Job = answer(
  {
    name: Type.String(),
    model: Type.String(),
    version: Type.String(),
    input: Type.String(),
    output: Type.String(),
    follow: Type.Boolean(),
    state: word(['starting', 'running', 'done', 'stopped', 'failed']),
    answered: count('Messages answered, those with an error included.'),
    refused: count(),
    remaining: Type.Optional(count('Of what was there at the start; absent while not known.')),
    error: Type.String({ description: 'Why it failed; while it runs, what it waits for.' }),
    startedAtMs: timeMs(),
  },
  'Job',
);

const TOPIC = '^[a-zA-Z0-9._-]{1,249}$';

export const servingApi = {
  service: 'serving',
  summary:
    'Numbers of serving, and batch jobs. Predictions are asked by the Open Inference Protocol V2 on the same port.',
  endpoints: {
    stats: get({
      path: '/v1/stats',
      summary: 'Predictions, latency and the prediction log.',
      answer: answer({
        predictions: count(),
        failures: count(),
        dropped: count('Predictions that the log let go.'),
        queued: count(),
        logged: count(),
        latencyMs: Latency,
        byVersion: Type.Record(
          Type.String(),
          answer({ predictions: count(), executions: count(), failures: count(), latencyMs: Latency }),
          { description: 'By "<model>/<version>".' },
        ),
      }),
    }),
    startJob: post({
      path: '/v1/jobs',
      summary: 'Predicts every message of a topic into another, exactly once.',
      body: body({
        model: Type.String({ pattern: '^[^/]{1,256}$', description: 'Name of a model.' }),
        input: Type.String({ pattern: TOPIC, description: 'Name of a topic.' }),
        output: Type.String({ pattern: TOPIC, description: 'Name of another topic, not one of the platform’s.' }),
        version: Type.Optional(
          Type.String({
            pattern: '^[a-zA-Z0-9._-]{0,64}$',
            description: 'Default: the one with the most live traffic.',
          }),
        ),
        name: Type.Optional(
          Type.String({
            pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$',
            description: 'The same name goes on where it stopped; default: made of model and topics.',
          }),
        ),
        follow: Type.Optional(Type.Boolean({ description: 'Goes on with what comes later instead of ending.' })),
      }),
      answer: Job,
    }),
    jobs: get({
      path: '/v1/jobs',
      summary: 'Jobs that run or ended lately.',
      answer: answer({ jobs: Type.Array(Job) }),
    }),
    job: get({ path: '/v1/jobs/{name}', summary: 'How far a job is.', answer: Job }),
    stopJob: remove({ path: '/v1/jobs/{name}', summary: 'Ends a job after the transaction that runs.', answer: Job }),
  },
};
