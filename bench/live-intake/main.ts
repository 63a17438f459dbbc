// The intake figures of real time in one run on this machine: records over gRPC and HTTP, a bulk load, memory; client
// and broker included. Each row starts an ingest and a broker of its own. Prints a table; with `--save` it writes
// bench/results/<date>-live-intake.json.
//   node tools/setup/build.mjs && node dist/bench/live-intake/main.js [--rows grpc,http,bulk,memory] [--rounds 3]
//     [--seconds 5] [--save] [--profile FOLDER]
// --profile: ingest's CPU profile of each row is written there, its figures are no measurement.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Outcome } from '../serving/row.js';
import { bulk } from './bulk.js';
import { SEED } from './flights.js';
import { grpc } from './grpc.js';
import { http } from './http.js';
import { type Ingest, startIngest } from './ingest.process.js';
import { memory } from './memory.js';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: 'grpc,http,bulk,memory' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    save: { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const rounds = Number(values.rounds);
const say = (text: string) => process.stdout.write(`${text}\n`);

type Measure = (ingest: Ingest, work: string) => Promise<Outcome[]>;
const ROWS: Readonly<Record<string, Measure>> = {
  grpc: (ingest) => grpc(root, ingest, rounds),
  http: (ingest) => http(ingest, rounds, Number(values.seconds)),
  bulk: (ingest, work) => bulk(root, work, ingest, rounds),
  memory: (ingest) => memory(ingest),
};

function line({ figure, target, measured, ratio, met }: Outcome): string {
  const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
  return `${figure.padEnd(72)} ${target.padEnd(12)} ${measured.padEnd(24)} ${shown.padStart(8)}  ${met ? 'pass' : 'FAIL'}`;
}

function nodeArguments(row: string): string[] {
  if (values.profile === undefined) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${resolve(values.profile)}`, `--cpu-prof-name=${row}.cpuprofile`];
}

const outcomes: Outcome[] = [];
for (const row of values.rows.split(',')) {
  const measure = ROWS[row];
  if (measure === undefined) throw new Error(`no row '${row}'; there are ${Object.keys(ROWS).join(', ')}`);
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const ingest = await startIngest(root, work, nodeArguments(row));
  try {
    for (const outcome of await measure(ingest, work)) {
      say(line(outcome));
      outcomes.push(outcome);
    }
  } finally {
    await ingest.stop();
    rmSync(work, { recursive: true, force: true });
  }
}
for (const { rounds: kept } of outcomes) {
  for (const [name, found] of Object.entries(kept))
    say(`  ${name.padEnd(28)} ${found.map((x) => x.toFixed(2)).join('  ')}`);
}
if (values.save) {
  const day = new Date().toISOString().slice(0, 10);
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const versions = Object.fromEntries(
    ['kafkajs', '@duckdb/node-api', '@bufbuild/protobuf', 'fastify'].map((name) => [name, dependencies[name]]),
  );
  const commit = execFileSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const result = {
    command: ['node dist/bench/live-intake/main.js', ...process.argv.slice(2)].join(' '),
    day,
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
    },
    versions: { commit, node: process.version, kafka: '4.4.0', ...versions },
    seed: SEED,
    rounds,
    outcomes,
  };
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  writeFileSync(join(root, `bench/results/${day}-live-intake.json`), `${JSON.stringify(result, null, 2)}\n`);
}
process.exit(0);
