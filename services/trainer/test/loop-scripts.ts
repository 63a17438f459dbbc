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
  'a retraining that is approved': [...asking, { does: 'approve' }, ends('blessed'), deliver, ready, deliver],
  'a retraining that nobody has to approve any more': [...asking, policy({}), tick(1)],
  'a budget that is taken away and given again': [
    ...[...drifted, policy({ budgetPerDay: 0 }), rows, deliver, tick(1), policy({}), tick(1)],
  ],
  'a budget that is given again, and a person asked': [
    ...[...drifted, policy({ budgetPerDay: 0 }), rows, deliver, policy({ approval: 'manual' }), tick(1)],
    { does: 'approve' },
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
