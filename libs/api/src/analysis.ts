// What is thought of a rollout under way, or was thought of the last one (GET /v1/projects/{project}/analysis).

import { CRITERIA, CRITERION_VERDICTS, UNITS, VERDICTS } from '@millrace/routing';
import Type from 'typebox';
import { answer, count, figure, nullable, timeMs, version, word } from './values.js';

const Side = answer({
  figure: figure(
    'A share, milliseconds, a score, a mean loss or alarms, as unit says; null where there are no answers.',
  ),
  k: count('Answers that counted in the test; of quality all that have a label.'),
  n: count('Of so many.'),
  says: Type.Optional(Type.String({ description: 'What the figure leaves out: of drift, what rings.' })),
});

const AllowedScores = answer(
  {
    rows: count('Of the evaluation that compared both versions.'),
    below: Type.Number({ description: 'Share of its scores that the new version may have more of below a point.' }),
    above: Type.Number({ description: 'The same above a point.' }),
    seen: answer({ below: Type.Number(), above: Type.Number() }),
  },
  'AllowedScores',
);

export const CriterionAnalysis = answer(
  {
    criterion: word(CRITERIA),
    verdict: word(CRITERION_VERDICTS, 'no_data: neither version gave any.'),
    unit: word(UNITS, 'drifts: so many alarms of the monitor.'),
    stable: Side,
    candidate: Side,
    difference: figure(
      'Of the shares, or the mean losses, that the test has counted, the new version’s less the stable one’s.',
    ),
    interval: nullable(
      answer({
        lower: Type.Number(),
        upper: Type.Number({
          description: 'Of the difference, valid at all looks at once, at alpha of the criterion.',
        }),
      }),
    ),
    effect: Type.String({ description: 'What the test is made to see, in words.' }),
    evidence: Type.Number({ description: 'Part of the evidence that a failure takes; 1 and more: it has failed.' }),
    answersUntilSeen: count('About so many more answers of both until an effect as stated would be seen.'),
    alpha: Type.Number({
      description:
        'Its part of the probability that a healthy version is aborted; 0: it has none, the monitor’s alarms have their own.',
    }),
    designEffect: Type.Number({
      description:
        'So many answers weigh as much as an independent one, because some are of the same entity; 1: all are.',
    }),
    note: Type.Optional(Type.String({ description: 'What the effect is counted from, where that is not plain.' })),
    allowed: Type.Optional(AllowedScores),
  },
  'CriterionAnalysis',
);

export const RolloutAnalysis = answer(
  {
    verdict: word(VERDICTS, 'inconclusive: its time is up, a person decides.'),
    reason: Type.String({ description: 'Which criteria, both figures.' }),
    isUnderWay: Type.Boolean({ description: 'False: what was thought of the last rollout when it ended.' }),
    stable: version(),
    candidate: version(),
    sinceMs: timeMs('When the rollout was first looked at, in processing time.'),
    stepSinceMs: timeMs('When the time of the step began.'),
    lookedAtMs: timeMs(),
    answered: answer({ stable: count(), candidate: count(), candidateAtStep: count() }),
    routers: count('Routers whose counts are in it.'),
    dryRun: Type.Boolean({ description: 'Judged, and not acted on.' }),
    criteria: Type.Array(CriterionAnalysis),
  },
  'RolloutAnalysis',
);
