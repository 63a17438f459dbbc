// An A/B/n experiment as the router's API tells it (GET /v1/projects/{project}/experiment), and what its commands
// carry.

import { ARMS_MAX, EXPERIMENT_NAME, VERDICTS } from '@millrace/routing';
import Type from 'typebox';
import { CriterionAnalysis } from './analysis.js';
import { answer, body, count, figure, nullable, timeMs, version, versionOrNone, word } from './values.js';

export const experimentName = () => Type.String({ pattern: EXPERIMENT_NAME.source });

export const armWeights = (description: string) =>
  Type.Array(body({ version: version(), weight: Type.Integer({ minimum: 0, maximum: 100 }) }), {
    ...{ minItems: 1, maxItems: ARMS_MAX, description },
  });

const End = answer({
  atMs: timeMs('When it ended, in processing time.'),
  reason: Type.String(),
  by: Type.String({ description: 'Empty: the router, by its time.' }),
  winner: versionOrNone(),
});

const state = {
  name: Type.String(),
  control: version(),
  share: count('Percent of the traffic that takes part.'),
  startedAtMs: timeMs(),
  endsAtMs: timeMs('When it ends by itself.'),
  startedBy: Type.String(),
  end: Type.Optional(End),
};

export const Experiment = answer(
  {
    ...state,
    salt: count('Which entities take part, and in which arm; another one for each experiment.'),
    fromRevision: count('Of the route in which it began.'),
    arms: Type.Array(
      answer({
        version: version(),
        weight: count('Percent of those who take part.'),
        slots: Type.Array(count(), { description: 'Which of 100 parts of the entities it owns.' }),
        isReady: Type.Boolean({ description: 'Serving has it; else its share goes to the control arm.' }),
      }),
    ),
  },
  'Experiment',
);

const Comparison = answer(
  {
    verdict: word(VERDICTS, 'fail: worse than the control arm.'),
    reason: Type.String({ description: 'Which criteria, both figures.' }),
    criteria: Type.Array(CriterionAnalysis, { description: 'stable is the control arm, candidate this one.' }),
  },
  'ArmComparison',
);

export const ExperimentStatus = answer(
  {
    ...state,
    waitsFor: Type.String({ description: 'A clause: waits for …; empty: every arm takes part.' }),
    routers: count('Routers whose counts are in it.'),
    lookedAtMs: nullable(timeMs()),
    arms: Type.Array(
      answer(
        {
          version: version(),
          variant: Type.String({ description: 'As flags and traces name the arm.' }),
          weight: count('Percent of those who take part.'),
          isReady: Type.Boolean(),
          answered: count('Answers of the arm to requests that were drawn for it, failed ones among them.'),
          failed: count(),
          p50Ms: figure(),
          p95Ms: figure(),
          p99Ms: figure(),
          comparison: nullable(Comparison),
        },
        'ExperimentArm',
      ),
    ),
  },
  'ExperimentStatus',
);
