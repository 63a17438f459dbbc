// Histories of a loop that each lead through a part of its table, for dying at every place of them.

import type { WorldEvent } from './loop-world.js';

const MINUTE_MS = 60_000;
const deliver: WorldEvent = { does: 'deliver all' };
const rows: WorldEvent = { does: 'rows' };
const drift = (detector = 'psi', feature = 0): WorldEvent => ({ does: 'drift', feature, of: 'live', detector });
const ready: WorldEvent = { does: 'router', load: 'ready' };
const ends = (how: Extract<WorldEvent, { does: 'training ends' }>['how']): WorldEvent => ({
  does: 'training ends',
  how,
});
const tick = (minutes = 0): WorldEvent => ({ does: 'tick', ms: minutes * MINUTE_MS });
const policy = (over: Partial<Extract<WorldEvent, { does: 'policy' }>>): WorldEvent => ({
  ...{ does: 'policy', approval: 'automatic', rolloutAutomatic: true },
  ...over,
});

const approve = (by: string): WorldEvent => ({ does: 'approve', by });

const drifted = [rows, drift(), deliver];
const retraining = [...drifted, rows, deliver];
const rollingOut = [...retraining, ends('blessed'), deliver];
const onProbation = [...rollingOut, ready, deliver];
const asking = [policy({ approval: 'manual' }), ...retraining];

/** What a person would do, and what comes by itself, until nothing is left. */
export const FINISH: readonly WorldEvent[] = [deliver, tick(1), ends('blessed'), deliver, ready, deliver, tick(61)];

export const SCRIPTS: Readonly<Record<string, readonly WorldEvent[]>> = {
  'a retraining that goes live': [...onProbation, tick(61)],
  'a version that fails its probation': [...onProbation, drift('error_share', 3), deliver, ready, deliver],
  'a version that fails its probation while the route moves': [
    ...[...onProbation, { does: 'training by hand', blessed: false }, { does: 'person rolls out', version: 3 }],
    // What it decides about is an older route than the router's.
    ...[{ does: 'router', load: 'slow' }, drift('error_share', 3), { does: 'deliver', topic: 'drift', count: 9 }],
    ...[{ does: 'router', load: 'failed' }, deliver, ready, deliver],
  ] as WorldEvent[],
  'a retraining that is not blessed': [...retraining, ends('not blessed'), deliver, tick(61)],
  'a retraining that fails': [...retraining, ends('failed'), tick(61)],
  'a retraining that is refused': [
    { does: 'fault', of: 'training', fault: 'refused for ever', times: Number.POSITIVE_INFINITY },
    ...retraining,
    tick(61),
  ],
  'a rollout that fails': [...rollingOut, { does: 'router', load: 'failed' }, deliver, tick(61)],
  'a retraining that is approved': [...asking, approve('anna'), ends('blessed'), deliver, ready, deliver],
  'a retraining with four eyes': [
    ...[...drifted, policy({ approval: 'manual', approvers: 2 }), rows, deliver, approve('anna'), approve(' ANNA')],
    ...[approve('bob'), ends('blessed'), deliver, ready, deliver],
  ] as WorldEvent[],
  'a drift that is over while people are asked, and another one with rows to come': [
    ...[...asking, drift('psi', 1), deliver, { does: 'drift ends', which: 0 }, deliver, policy({}), rows, deliver],
  ] as WorldEvent[],
  'a drift that is over while people are asked, and another one that asks nobody': [
    ...[rows, drift('psi', 1), ...asking, policy({}), { does: 'drift ends', which: 0 }, deliver],
  ] as WorldEvent[],
  'a retraining that is rejected': [...asking, { does: 'reject', by: 'anna' }, tick(61)],
  'a retraining that nobody approves': [...asking, ...Array.from({ length: 21 }, () => tick(60)), policy({}), tick(61)],
  'a version that people let live': [
    ...[policy({ rolloutAutomatic: false, approvers: 2 }), ...retraining, ends('blessed'), deliver, approve('anna')],
    ...[approve('bob'), ready, deliver, policy({})],
  ] as WorldEvent[],
  'a version that a person lets live after the pause': [
    ...[policy({ rolloutAutomatic: false }), ...retraining, ends('blessed'), deliver, tick(61), approve('anna')],
    ...[ready, deliver, policy({})],
  ] as WorldEvent[],
  'a version that is rejected': [
    ...[policy({ rolloutAutomatic: false }), ...retraining, ends('blessed'), deliver],
    ...[{ does: 'reject', by: 'bob' }, policy({}), tick(61)],
  ] as WorldEvent[],
  'a retraining that nobody has to approve any more': [...asking, policy({}), tick(1)],
  'a budget that is taken away and given again': [
    ...[...drifted, policy({ budgetPerDay: 0 }), rows, deliver, tick(1), policy({}), tick(1)],
  ],
  'a budget that is given again, and a person asked': [
    ...[...drifted, policy({ budgetPerDay: 0 }), rows, deliver, policy({ approval: 'manual' }), tick(1)],
    approve('anna'),
  ],
  'a drift that is over, and another one that is to be approved': [
    ...[...drifted, policy({ budgetPerDay: 0 }), drift('psi', 1), rows, deliver, policy({ approval: 'manual' })],
    ...[{ does: 'drift ends', which: 0 }, deliver],
  ] as WorldEvent[],
  'a stop while it trains': [...retraining, { does: 'stop' }, ends('blessed'), deliver, { does: 'resume' }, deliver],
  'a stop while it rolls out': [...rollingOut, { does: 'stop' }, ready, deliver, { does: 'resume' }, tick(61)],
  'a stop while it cools': [...onProbation, { does: 'stop' }, { does: 'resume' }, tick(61)],
  'a version by hand while another one is rolled out': [
    ...[...rollingOut, { does: 'training by hand', blessed: true }, deliver, ready, deliver, tick(61), ready, deliver],
  ] as WorldEvent[],
  'a version that a person takes back': [...rollingOut, ready, { does: 'person rolls back' }, ready, deliver, tick(61)],
};
