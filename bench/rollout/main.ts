// `npm run bench:rollout`: the errors of a rollout's judge and its time to decide, over simulated rollouts with known
// truth, looked at after every request. With --save it writes bench/results/<date>-rollout.json; with --strict its exit
// code says whether every target is met.
// With --labels: what labels decide, quality and bandits, into …-rollout-labels.json.
//   npm run bench:rollout -- [--labels] [--seeds 2000] [--first 1] [--save] [--strict] [--note TEXT]

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { banditRegret } from './bandit.js';
import { evidenceCost } from './cost.js';
import { qualityErrors } from './quality.js';
import { CANDIDATE_SHARE } from './run.js';
import { BAD_NAMES, type Bad, HEALTHY_NAMES, type Healthy, plan } from './worlds.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    first: { type: 'string', default: '1' },
    save: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    labels: { type: 'boolean', default: false },
    note: { type: 'string' },
  },
});
const seeds = Number(values.seeds);
const first = Number(values.first);
const say = (text: string) => process.stdout.write(`${text}\n`);

/** In a thread of its own; the figures are no times, so that threads do not disturb each other. */
function measured<T>(world: string): Promise<T> {
  const worker = new Worker(new URL('./world.worker.js', import.meta.url), { workerData: { world, first, seeds } });
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
}

/** So many at a time as there are cores. */
async function all<T>(worlds: readonly string[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < worlds.length; i = next++) results[i] = await measured<T>(worlds[i] as string);
  };
  await Promise.all(cpus().map(work));
  return results;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const load = loadavg();

function save(name: string, figures: object): void {
  const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const date = new Date().toISOString().slice(0, 10);
  const cores = cpus();
  const result = {
    command: `npm run bench:rollout -- ${values.labels ? '--labels ' : ''}--seeds ${seeds} --first ${first} --save`,
    ...{ date, commit, node: process.version, machine: `${cores[0]?.model ?? 'unknown'}, ${cores.length} cores` },
    ...{ loadBefore: load, note: values.note ?? '', seeds, first, candidateShare: CANDIDATE_SHARE, plan, ...figures },
  };
  const path = resolve(root, `bench/results/${date}-${name}.json`);
  writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  say(`written: ${path}`);
}

if (values.labels) {
  const quality = qualityErrors(seeds, first);
  const { aborted, missed, requestsToFail, requestsToPass } = quality;
  say(
    `quality: wrongly aborted ${percent(aborted)}, missed ${percent(missed)}, requests until it fails ` +
      `${requestsToFail.toFixed(0)}, until it passes ${requestsToPass.toFixed(0)}`,
  );
  const regret = banditRegret(seeds, first);
  for (const { world, regret: of, promoted, kept, requestsToEnd } of regret)
    say(
      `regret, ${world.padEnd(42)} bandit ${of.bandit.toFixed(1).padStart(6)}  canary ${of.canary.toFixed(1).padStart(6)}  ` +
        `halves ${of.even.toFixed(1).padStart(6)}  promoted ${percent(promoted)}, kept ${percent(kept)}, after ${requestsToEnd.toFixed(0)} requests`,
    );
  if (values.save) save('rollout-labels', { quality, bandit: regret });
  process.exit();
}

const cost = evidenceCost();
say(
  `CPU of counting: ${cost.counting.toFixed(3)} ms per 1,000 answers, without a rollout ${cost.without.toFixed(3)} ms`,
);
const healthy = await all<Healthy>(HEALTHY_NAMES);
for (const { world, requests, aborted, abortedAsIfIndependent, met, passed, medianRequestsToPass } of healthy)
  say(
    `${world}: wrongly aborted within ${requests} requests ${percent(aborted)} (at most 1 %) ${met ? 'pass' : 'FAIL'}, ` +
      `as if each asked once ${percent(abortedAsIfIndependent)}; passed ${percent(passed)}, ` +
      `in the median after ${medianRequestsToPass} requests`,
  );
const rows = await all<Bad>(BAD_NAMES);
for (const row of rows)
  say(
    `${row.world.padEnd(19)} missed ${percent(row.missed).padStart(7)} (at most 5 %)  requests ${row.requests.mean.toFixed(0).padStart(6)} ` +
      `(median ${row.requests.median}, p95 ${row.requests.p95})  fixed sample ${row.fixedSample.toFixed(0).padStart(6)}: ` +
      `${row.ofFixedSample.toFixed(2)} x (at most .8)  Mann-Whitney ${row.mannWhitney.toFixed(0).padStart(6)}: ` +
      `${row.ofMannWhitney.toFixed(2)} x  ${row.met ? 'pass' : 'FAIL'}`,
  );

if (values.save) save('rollout', { cpuMsPerThousand: cost, healthy, bad: rows });
if (values.strict && !(healthy.every(({ met }) => met) && rows.every(({ met }) => met))) process.exitCode = 1;
