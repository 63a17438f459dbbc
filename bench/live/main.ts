// `npm run bench:live`: the live path's figures on this machine, client and broker included. Prints a table; with
// `--save` it writes bench/results/<date>-live-<rows>.json. Its exit code says whether the run went through; with
// `--strict` also whether every target is met, as npm test asks of the slices.
//   npm run bench:live -- [--rows catch-up,steady,…] [--rounds 3] [--save] [--strict] [--profile FOLDER] [--note TEXT]
// --profile: CPU profiles of the measured processes are written there; the figures are no measurement then.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome } from '../serving/row.js';
import { catchUp } from './catch-up.js';
import { REAL_TIME, SLICES } from './real-time-rows.js';
import { restore } from './restore.js';
import type { LiveRow } from './row.js';
import { scale } from './scale.js';
import { twoIngests } from './two-ingests.js';
import { twoMonitors } from './two-monitors.js';

/** All but the slices, where none is named. */
const WHOLE: readonly LiveRow[] = [catchUp, twoMonitors, twoIngests, restore, scale, ...REAL_TIME];
const ROWS: readonly LiveRow[] = [...WHOLE, ...SLICES];

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: WHOLE.map(({ name }) => name).join(',') },
    rounds: { type: 'string', default: '3' },
    save: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    profile: { type: 'string' },
    note: { type: 'string' },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const rounds = Number(values.rounds);
const say = (text: string) => process.stdout.write(`${text}\n`);

const chosen = values.rows.split(',').map((name) => {
  const row = ROWS.find((candidate) => candidate.name === name);
  if (row === undefined)
    throw new Error(`no row '${name}'; there are:\n${ROWS.map((one) => `  ${one.name}: ${one.says}`).join('\n')}`);
  return row;
});

function line({ figure, target, measured, ratio, met }: Outcome): string {
  const verdict = met === undefined ? '-' : met ? 'pass' : 'FAIL';
  const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
  return `${figure.padEnd(72)} ${target.padEnd(16)} ${measured.padEnd(28)} ${shown.padStart(8)}  ${verdict}`;
}

function nodeArguments(row: string): string[] {
  if (values.profile === undefined) return [];
  const folder = resolve(values.profile);
  mkdirSync(folder, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${join(folder, row)}`];
}

function save(outcomes: readonly Outcome[], load: readonly number[]): void {
  const day = new Date().toISOString().slice(0, 10);
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const names = ['kafkajs', '@duckdb/node-api', '@bufbuild/protobuf'];
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const result = {
    command: ['npm run bench:live --', ...process.argv.slice(2)].join(' '),
    day,
    ...(values.note === undefined ? {} : { note: values.note }),
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      loadBefore: load,
      loadAfter: loadavg(),
    },
    versions: {
      ...{ millrace: version, commit, node: process.version, kafka: '4.4.0' },
      ...Object.fromEntries(names.map((name) => [name, dependencies[name]])),
    },
    seeds: Object.fromEntries(chosen.map(({ name, seed }) => [name, seed])),
    rounds,
    outcomes,
  };
  const file = join(root, `bench/results/${day}-live-${chosen.map(({ name }) => name).join('-')}.json`);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  say(`written to ${file}`);
}

const load = loadavg();
const outcomes: Outcome[] = [];
for (const row of chosen) {
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    for (const outcome of await row.measure({ root, work, rounds, nodeArguments: nodeArguments(row.name), say })) {
      say(line(outcome));
      outcomes.push(outcome);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
for (const { rounds: kept } of outcomes)
  for (const [name, found] of Object.entries(kept))
    say(`  ${name.padEnd(40)} ${found.map((x) => x.toFixed(2)).join('  ')}`);
if (values.save) save(outcomes, load);
process.exit(values.strict && outcomes.some(({ met }) => met === false) ? 1 : 0);
