// The part `rollout` of the project file's schema.

import {
  DEFAULT_BANDIT,
  DEFAULT_STRATEGY,
  MATCH_HEADER,
  MATCH_VALUE,
  MATCHES_MAX,
  STEPS_MAX,
  STRATEGIES,
  TARGET_NAME,
} from '@millrace/routing';
import { ANALYSIS_NODE } from './analysis-schema.js';
import { CHECKS_NODE, FALLBACK_NODE, KEEP_NODE } from './rollout-terms.js';
import { choice, duration, flag, integer, list, number, object, text } from './schema-nodes.js';

/** Strategies that take `rollout.steps`. */
const IN_STEPS = STRATEGIES.filter(({ withSteps }) => withSteps !== undefined);

export const rolloutNode = object('How a version goes live.', {
  strategy: choice(
    `What happens to the traffic: ${STRATEGIES.map(({ name, summary }) => `${name}, ${summary}`).join('; ')}.`,
    STRATEGIES.map(({ name }) => name),
    DEFAULT_STRATEGY.name,
  ),
  steps: list(
    `Of ${IN_STEPS.map(({ name, steps }) => `${name}; by default ${(steps ?? []).map(({ weight }) => `${weight} %`).join(', ')}, 10m each`).join(', or ')}. After the last one comes all traffic.`,
    object(
      'One step.',
      {
        weight: integer('Percent of the traffic for the new version, more with each step.', 1, 99),
        for: duration('It lasts at least so long, in processing time; by default 10m.'),
        until: choice('In place of `for`: until a person skips the step or promotes the version.', ['promoted']),
      },
      ['weight'],
    ),
    STEPS_MAX,
    1,
  ),
  checks: CHECKS_NODE,
  bandit: object('Of strategy bandit: the share of the new version follows labels.', {
    start: integer(`Its first share, percent. By default ${DEFAULT_BANDIT.start}.`, 1, 99),
    floor: integer(`Least share of either side, percent. By default ${DEFAULT_BANDIT.floor}.`, 1, 49),
    every: duration('Processing time between two moves, 1s at least; by default 1m.'),
    confidence: number(
      `From this probability on the better one gets everything. By default ${DEFAULT_BANDIT.confidence}.`,
      0.6,
      0.9999,
    ),
    for: duration(
      'Processing time after which the one that is more likely to be better gets everything; by default 1d.',
    ),
  }),
  analysis: ANALYSIS_NODE,
  keep: KEEP_NODE,
  fallback: FALLBACK_NODE,
  sticky: flag('Requests of one entity stay with one version.', true),
  automatic: flag('Blessed versions go live by themselves.', true),
  probation: object('A new version is compared with the one before it, on the same labelled rows.', {
    share: number('So many of the rows of each dataset version are compared, by a hash of their ids.', 0.01, 1, 1),
    for: duration(
      'Processing time of a probation in which no difference is seen; 0s: there is none. Default: thirty dataset versions and their labels.',
    ),
  }),
  matches: list(
    'Requests with a certain header (gRPC metadata, HTTP) go to a version, whatever its share; in this order, the ' +
      'first that fits and whose version is loaded decides.',
    object(
      'One rule: a header with equals or prefix, to a version or a target.',
      {
        header: text('Its name, in lower case.', { pattern: MATCH_HEADER }),
        equals: text('The whole value.', { pattern: MATCH_VALUE }),
        prefix: text('How the value begins.', { pattern: MATCH_VALUE }),
        version: integer('A model version.', 1, 2_147_483_647),
        target: text('A target of the route by its name.', { pattern: TARGET_NAME.source }),
      },
      ['header'],
    ),
    MATCHES_MAX,
    1,
  ),
});
