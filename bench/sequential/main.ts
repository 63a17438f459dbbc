// What looking after every request costs, and what it saves: false alarms, misses and time to decide of the
// sequential tests of libs/statistics, against tests of equal error that look once, and Kayenta's Mann-Whitney
// beside them. Simulated traffic, seeded.
//
//   node tools/setup/build.mjs && node dist/bench/sequential/main.js [FILE] [SEEDS]

import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { argv, stdout, version } from 'node:process';
import { fileURLToPath } from 'node:url';
import { measureCounts } from './counts.js';
import { measureMeans } from './means.js';
import { ERRORS, measureShares, type Scenario } from './shares.js';
import { measureSteps } from './steps.js';

const SEEDS = Number(argv[3] ?? 2_000);
const SCENARIOS: readonly Scenario[] = [
  { baseline: 0.002, effect: 0.01, share: 0.25 },
  { baseline: 0.005, effect: 0.025, share: 0.1 },
  { baseline: 0.01, effect: 0.02, share: 0.5 },
  { baseline: 0.01, effect: 0.05, share: 0.05 },
  { baseline: 0.01, effect: 0.05, share: 0.2 },
];

const shares = SCENARIOS.map((scenario) => {
  const result = measureShares(scenario, SEEDS);
  stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  return result;
});
const { version: millrace } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../package.json', import.meta.url)), 'utf8'),
) as { version: string };
const result = {
  command: 'node dist/bench/sequential/main.js',
  machine: `${cpus()[0]?.model}, ${cpus().length} cores`,
  versions: { millrace, node: version },
  seeds: SEEDS,
  errors: ERRORS,
  shares,
  steps: measureSteps(Math.ceil(SEEDS / 2)),
  means: measureMeans(Math.ceil(SEEDS / 4)),
  counts: measureCounts(Math.ceil(SEEDS / 10)),
};
if (argv[2] !== undefined) writeFileSync(argv[2], `${JSON.stringify(result, null, 2)}\n`);
stdout.write(`${JSON.stringify({ steps: result.steps, means: result.means, counts: result.counts }, null, 2)}\n`);
