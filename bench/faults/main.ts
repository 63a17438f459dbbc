// `npm run test:faults`: two processes of every service, disturbed under traffic (each row a record, a prediction and a
// label), and compared with a run of the same rows that nobody disturbs: dataset versions with their ids, windows,
// counters. And every strategy of a rollout, disturbed at every step (services/router/test/rollouts.int-spec.ts). Ends
// with 1 where something does not hold. About two hours; `npm test` runs slices.
//   npm run test:faults -- [--cases restart,ingests,…] [--slice] [--rate 500] [--seconds 180] [--seed 1]

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '@millrace/domain';
import {
  killedIngests,
  recreatedTopics,
  restart,
  restartedBroker,
  shown,
  skewedClocks,
  takeOver,
  together,
} from './cases.js';
import { disturbedRollouts } from './disturbed-rollouts.process.js';
import { fullDisk, fullHome, withSmallDisk } from './full-disk.js';
import { ReplicatedPlatform } from './replicated-platform.process.js';
import { startOf } from './rows.js';
import { type FaultCase, Suite } from './suite.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string' },
    slice: { type: 'boolean', default: false },
    rate: { type: 'string' },
    /** Of kills; a minute of the others. */
    seconds: { type: 'string', default: '180' },
    seed: { type: 'string', default: '1' },
    /** The platform's home stays. */
    keep: { type: 'boolean', default: false },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const say = (line: string) => process.stdout.write(`${line}\n`);

const RATE = { whole: 500, slice: 100 };
const SHORT_S = 60;
/** Beside whatever the tests do it is a bound of liveness, not the figure. */
const TAKEN_OVER_MS_MAX = { whole: 8_000, slice: 30_000 };

const seconds = Number(values.seconds);
const short = Math.min(SHORT_S, seconds);
const WHOLE: readonly FaultCase[] = [
  restart([]),
  killedIngests(seconds),
  takeOver(TAKEN_OVER_MS_MAX.whole),
  restartedBroker(short),
  recreatedTopics(short),
  skewedClocks(short),
];
const SLICE: readonly FaultCase[] = [
  together('slice', [shown, takeOver(TAKEN_OVER_MS_MAX.slice), restart(['router', 'serving'])]),
];
/** Before a platform of its own. */
const rollouts = disturbedRollouts(root);
/** Each on a platform of its own, which has this folder on a small disk. */
const ON_SMALL_DISK = [
  ['artifacts', fullDisk(short)],
  ['', fullHome(2 * short)],
] as const;

const all = values.slice ? SLICE : [...WHOLE, rollouts, ...ON_SMALL_DISK.map(([, one]) => one)];
const chosen = (values.cases?.split(',') ?? all.map(({ name }) => name)).map((name) => {
  const found = all.find((one) => one.name === name);
  if (found === undefined)
    throw new Error(`no case '${name}'; there are:\n${all.map((one) => `  ${one.name}: ${one.says}`).join('\n')}`);
  return found;
});
const input = {
  startMs: startOf(systemClock.nowMs()),
  ratePerSecond: Number(values.rate ?? (values.slice ? RATE.slice : RATE.whole)),
};

/** Whether all of it holds. */
async function runAll(platform: ReplicatedPlatform, cases: readonly FaultCase[]): Promise<boolean> {
  const suite = new Suite(platform, input, say, Number(values.seed));
  let isMet = true;
  for (const one of cases) {
    say(`${one.name}: ${one.says}; ${input.ratePerSecond} rows/s, seed ${values.seed}`);
    try {
      for (const { what, met, measured } of await suite.outcomes(one)) {
        say(`${met ? 'pass' : 'FAIL'}  ${one.name}: ${what} (${measured.trim()})`);
        isMet &&= met;
      }
    } catch (error) {
      say(`FAIL  ${one.name}: it went through (${(error as Error).stack})`);
      for (const name of ['ingest', 'ingest-1', 'monitor', 'monitor-1', 'kafka'])
        say(`--- ${name}\n${platform.log(name)}`);
      isMet = false;
    }
  }
  return isMet;
}

let isMet = true;
const isOnOne = (one: (typeof chosen)[number]): one is FaultCase =>
  one !== rollouts && ON_SMALL_DISK.every(([, other]) => one !== other);
const onOne = chosen.filter(isOnOne);
if (onOne.length > 0) {
  const platform = await ReplicatedPlatform.up(root, { keep: values.keep });
  try {
    isMet = await runAll(platform, onOne);
  } finally {
    await platform.stop();
  }
}
if (chosen.includes(rollouts)) {
  say(`${rollouts.name}: ${rollouts.says}`);
  const areMet = await rollouts.hold();
  say(`${areMet ? 'pass' : 'FAIL'}  ${rollouts.name}: each ends as it should`);
  isMet &&= areMet;
}
for (const [folder, one] of ON_SMALL_DISK) {
  if (!chosen.includes(one)) continue;
  const isMetToo = await withSmallDisk(root, folder, (platform) => runAll(platform, [one]));
  isMet &&= isMetToo;
}
process.exit(isMet ? 0 : 1);
