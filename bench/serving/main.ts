// `npm run bench:serving`: every row of serving's numbers in one run on this machine, client included; each system of a
// row in turn within each round, medians over rounds. Prints a table and writes bench/results/<date>-serving.json. Its
// exit code says whether the run went through, not whether targets are met. `--rows unary,rest` (not written down, but
// with `--save`: <date>-unary,rest.json), `--rounds 3`, `--seconds 3`, `--without mlserver,pytriton`; --mlserver and
// --pytriton are the Pythons that tools/setup/bench-serving.mjs hands over.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { environment } from '@millrace/config';
import { ghz } from '../ghz.process.js';
import { broker } from './broker.js';
import { startMillrace } from './millrace.process.js';
import { SEED } from './network.js';
import { neighbour, openLoop } from './open-loop.js';
import { startMlServer, startPytriton } from './peers.process.js';
import { reload } from './reload.js';
import { rest } from './rest.js';
import type { Bench, Outcome, Row } from './row.js';
import { stream } from './stream.js';
import { type System, startEcho } from './systems.process.js';
import { batching, engines, large } from './throughput.js';
import { oneInFlight, unary } from './unary.js';
import { watch } from './watch.js';

/** Rows with peers first, so that these end early and take nothing from the rest. */
const ROWS: readonly Row[] = [
  unary,
  oneInFlight,
  watch,
  rest,
  stream,
  openLoop,
  neighbour,
  large,
  batching,
  reload,
  engines,
  broker,
];

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    mlserver: { type: 'string' },
    pytriton: { type: 'string' },
    keep: { type: 'boolean', default: false },
    save: { type: 'boolean', default: false },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const say = (line: string) => process.stdout.write(`${line}\n`);

function chosenRows(): readonly Row[] {
  if (values.rows === undefined) return ROWS;
  return values.rows.split(',').map((name) => {
    const row = ROWS.find((candidate) => candidate.name === name);
    if (row === undefined)
      throw new Error(`no row '${name}'; there are ${ROWS.map((candidate) => candidate.name).join(', ')}`);
    return row;
  });
}

function line({ figure, target, measured, ratio, met }: Outcome): string {
  const verdict = met === undefined ? '-' : met ? 'pass' : 'FAIL';
  const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
  return `${figure.padEnd(66)} ${target.padEnd(16)} ${measured.padEnd(30)} ${shown.padStart(8)}  ${verdict}`;
}

async function measure(): Promise<Outcome[]> {
  const rows = chosenRows();
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const open = new Map<string, System>();
  const opened = async (name: string, start: () => Promise<System>) => {
    const found = open.get(name) ?? (await start());
    open.set(name, found);
    return found;
  };
  const outcomes: Outcome[] = [];
  try {
    const tool = await ghz(environment().MILLRACE_CACHE || join(homedir(), '.cache/millrace'));
    const millrace = await startMillrace(root, work);
    open.set('millrace', millrace);
    for (const row of rows) {
      const { mlserver, pytriton } = values;
      const bench: Bench = {
        root,
        work,
        ghz: tool,
        rounds: Number(values.rounds),
        seconds: Number(values.seconds),
        millrace,
        mlserver:
          row.peers && mlserver ? await opened('mlserver', () => startMlServer(root, work, mlserver)) : undefined,
        pytriton:
          row.peers && pytriton ? await opened('pytriton', () => startPytriton(root, work, pytriton)) : undefined,
        echo: (file) => opened(file, () => startEcho(root, work, file)),
        say,
      };
      if (!row.peers) {
        for (const name of ['mlserver', 'pytriton']) await open.get(name)?.stop();
        for (const name of ['mlserver', 'pytriton']) open.delete(name);
      }
      say(`  ${row.name} …`);
      try {
        const found = await row.measure(bench);
        for (const outcome of found) say(line(outcome));
        outcomes.push(...found);
      } catch (error) {
        // One row that cannot be measured does not cost the others.
        const measured = `failed: ${(error as Error).message}`;
        const failed: Outcome = { figure: row.name, target: '', measured, met: false, rounds: {} };
        say(line(failed));
        outcomes.push(failed);
      }
      for (const [name, system] of open)
        if (name.endsWith('echo.js')) {
          await system.stop();
          open.delete(name);
        }
    }
  } finally {
    for (const system of open.values()) await system.stop();
    if (values.keep) say(`kept: ${work}`);
    else rmSync(work, { recursive: true, force: true });
  }
  return outcomes;
}

async function versions(): Promise<Record<string, string>> {
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const { stdout: commit } = await promisify(execFile)('git', ['-C', root, 'rev-parse', '--short', 'HEAD']).catch(
    () => ({ stdout: 'unknown' }),
  );
  const of = (name: string) => dependencies[name] ?? '';
  return {
    millrace: version,
    commit: commit.trim(),
    node: process.version,
    ghz: 'v0.93.0',
    '@grpc/grpc-js': of('@grpc/grpc-js'),
    '@bufbuild/protobuf': of('@bufbuild/protobuf'),
    'onnxruntime-node': of('onnxruntime-node'),
    mlserver: values.mlserver ? '1.7.1' : 'not measured',
    'nvidia-pytriton': values.pytriton ? '0.7.0' : 'not measured',
  };
}

async function save(outcomes: readonly Outcome[]): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const folder = join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${day}-${values.rows ?? 'serving'}.json`);
  const result = {
    command: ['npm run bench:serving', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    day,
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
    },
    versions: await versions(),
    seed: SEED,
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    outcomes,
  };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  say(`written to ${file}`);
}

const outcomes = await measure();
say('');
for (const outcome of outcomes) say(line(outcome));
if (values.rows === undefined || values.save) await save(outcomes);
process.exit(0);
