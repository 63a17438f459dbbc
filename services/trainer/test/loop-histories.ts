// Random histories of a loop and its world, for fast-check; and the project that they are of.

import type { Project } from '@millrace/project';
import fc from 'fast-check';
import { BUDGET, TOPIC_NAMES, type WorldEvent } from './loop-world.js';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

export const project = {
  name: 'p',
  scope: { metric: 'log_loss' },
  rollout: { automatic: true, probation: { share: 1, forMs: 5 * HOUR_MS } },
  data: { label: { delayMs: 0 }, versionEveryMs: 10 * MINUTE_MS },
  monitoring: { allowedLatenessMs: 0 },
  retrain: {
    ...{ onDrift: true, features: [], versions: 2, settleVersions: 1, evaluationShare: 0.2, warmStart: true },
    ...{
      cooldownMs: HOUR_MS,
      budgetPerDay: BUDGET,
      approval: 'automatic',
      approvalExpiresMs: 20 * HOUR_MS,
      rows: 60,
      everyMs: 30 * HOUR_MS,
    },
  },
} as unknown as Project;

const only = <T extends string>(...does: T[]) => fc.record({ does: fc.constantFrom(...does) });
const topic = fc.constantFrom(...TOPIC_NAMES);
const ms = fc.oneof(fc.integer({ min: 0, max: 5 * MINUTE_MS }), fc.integer({ min: 0, max: 3 * HOUR_MS }));

const event: fc.Arbitrary<WorldEvent> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ does: fc.constant('tick'), ms }) },
  { weight: 16, arbitrary: only('deliver all') },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('clock ahead'),
      ms: fc.oneof(
        { weight: 2, arbitrary: fc.integer({ min: 1, max: 30 * HOUR_MS }) },
        { weight: 3, arbitrary: fc.constant(0) },
      ),
    }),
  },
  { weight: 8, arbitrary: fc.record({ does: fc.constant('deliver'), topic, count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('again', 'lose'), topic }) },
  { weight: 12, arbitrary: only('rows') },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constant('drift'),
      feature: fc.nat(3),
      of: fc.constantFrom('live', 'live', 'before', 'all'),
      detector: fc.constantFrom('psi', 'psi', 'error_share', 'error_share'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('drift ends'), which: fc.nat(20) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      does: fc.constant('training ends'),
      how: fc.constantFrom('blessed', 'blessed', 'not blessed', 'failed', 'failed, and nobody is told'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('training by hand'), blessed: fc.boolean() }) },
  {
    weight: 12,
    arbitrary: fc.record({ does: fc.constant('router'), load: fc.constantFrom('ready', 'ready', 'failed', 'slow') }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('comparison'),
      says: fc.constantFrom('better', 'worse', 'worse', 'nothing', 'skip', 'again', 'end'),
    }),
  },
  { weight: 1, arbitrary: only('stop', 'stop', 'stop', 'project anew') },
  { weight: 6, arbitrary: only('resume') },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom('approve', 'approve', 'approve', 'reject'),
      by: fc.constantFrom('anna', 'Anna ', 'bob'),
    }),
  },
  { weight: 4, arbitrary: only('kill', 'person rolls back') },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('person promotes'), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('policy'),
      approval: fc.constantFrom('automatic', 'manual'),
      rolloutAutomatic: fc.boolean(),
      budgetPerDay: fc.constantFrom(0, BUDGET, BUDGET, BUDGET),
      approvers: fc.constantFrom(1, 2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('fault'),
      of: fc.constantFrom('save', 'training', 'command'),
      fault: fc.constantFrom('not done', 'done, and not told', 'refused for ever'),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constant('time'), ms: fc.integer({ min: -5 * HOUR_MS, max: 48 * HOUR_MS }) }),
  },
) as fc.Arbitrary<WorldEvent>;

export const history = fc.record({
  events: fc.array(event, { minLength: 40, maxLength: 160, size: 'max' }),
  /** Whether a process that begins sees the newest route only. */
  compacts: fc.boolean(),
  /** Whether receivers are away in the end. */
  isAway: fc.boolean(),
});
