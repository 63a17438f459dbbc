// `npm run bench:router`: what the router adds to serving, beside MLServer and pytriton asked directly, and what it
// keeps while routes move, processes end and too much comes. Prints a table and writes
// bench/results/<date>-router.json. Its exit code says whether the run went through, not whether targets are met.
// `--against DIR` measures the router of another checkout, built there, beside this one's (row `against`).
// `--rows many,one`, `--rounds 3`, `--seconds 3`, `--without mlserver,pytriton`, `--save` also with `--rows`;
// --mlserver and --pytriton are the Pythons that tools/setup/bench-router.mjs hands over.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { environment } from '@millrace/config';
import { ghz } from '../ghz.process.js';
import { PACKAGE } from '../serving/package.fs.js';
import { startMlServer, startPytriton } from '../serving/peers.process.js';
import type { Outcome } from '../serving/row.js';
import type { System } from '../serving/systems.process.js';
import { against } from './against.js';
import { manyInFlight, oneInFlight, poisson } from './direct.js';
import { overload } from './overload.js';
import { rollingRestart } from './restart.js';
import { post, startRouted } from './routed.process.js';
import type { RouterBench, RouterRow } from './row.js';
import { moves, split } from './traffic.js';

const ROWS: readonly RouterRow[] = [
  manyInFlight,
  oneInFlight,
  poisson,
  moves,
  split,
  overload,
  rollingRestart,
  against,
];

const { values } = parseArgs({
  options: {
    rows: { type: 'string' },
    against: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    mlserver: { type: 'string' },
    pytriton: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
});
const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const say = (line: string) => process.stdout.write(`${line}\n`);

function line({ figure, target, measured, ratio, met }: Outcome): string {
  const verdict = met === undefined ? '-' : met ? 'pass' : 'FAIL';
  const shown = ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
  return `${figure.padEnd(74)} ${target.padEnd(14)} ${measured.padEnd(40)} ${shown.padStart(8)}  ${verdict}`;
}

/** Both versions are loaded, and the second has all traffic. */
async function rollOut(controlPort: number): Promise<void> {
  for (const version of [1, 2]) {
    const answer = await post(controlPort, `/v1/projects/${PACKAGE}/rollouts`, { version, reason: 'bench' });
    if (answer.status !== 200) throw new Error(`rollout of version ${version}: ${answer.status} ${answer.body}`);
  }
}

async function measure(): Promise<Outcome[]> {
  const names = values.rows?.split(',');
  const rows = ROWS.filter(({ name }) => names === undefined || names.includes(name));
  const work = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const outcomes: Outcome[] = [];
  const stops: (() => Promise<void>)[] = [];
  try {
    const tool = await ghz(environment().MILLRACE_CACHE || join(homedir(), '.cache/millrace'));
    const routed = await startRouted(root, work);
    stops.push(() => routed.stop());
    const routers = [await routed.router('a', 1), await routed.router('b', 1)] as const;
    const other = values.against === undefined ? undefined : await routed.router('other', 1, resolve(values.against));
    await rollOut(routers[0].system.controlPort);
    const peer = async (start: (root: string, work: string, python: string) => Promise<System>, python?: string) => {
      if (python === undefined || !rows.includes(manyInFlight)) return undefined;
      const system = await start(root, work, python);
      return system;
    };
    let [mlserver, pytriton] = [await peer(startMlServer, values.mlserver), await peer(startPytriton, values.pytriton)];
    const endPeers = async () => {
      for (const system of [mlserver, pytriton]) await system?.stop();
      [mlserver, pytriton] = [undefined, undefined];
    };
    stops.push(endPeers);
    const common = { root, ghz: tool, rounds: Number(values.rounds), seconds: Number(values.seconds) };
    for (const row of rows) {
      if (row !== manyInFlight) await endPeers();
      say(`  ${row.name} …`);
      const bench: RouterBench = { ...common, routed, routers, other: other?.system, mlserver, pytriton, say };
      try {
        const found = await row.measure(bench);
        for (const outcome of found) say(line(outcome));
        outcomes.push(...found);
      } catch (error) {
        // One row that cannot be measured does not cost the others.
        const measured = `failed: ${(error as Error).message}`;
        outcomes.push({ figure: row.name, target: '', measured, met: false, rounds: {} });
        say(line(outcomes.at(-1) as Outcome));
      }
    }
  } finally {
    for (const stop of stops.reverse()) await stop();
    rmSync(work, { recursive: true, force: true });
  }
  return outcomes;
}

async function save(outcomes: readonly Outcome[], load: readonly number[]): Promise<void> {
  const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const commit = await commitOf(root);
  const day = new Date().toISOString().slice(0, 10);
  const folder = join(root, 'bench/results');
  mkdirSync(folder, { recursive: true });
  const { against: other } = values;
  const file = join(folder, `${day}-router${other === undefined ? '' : '-against'}.json`);
  const result = {
    command: ['npm run bench:router', ...(process.argv.length > 2 ? ['--', ...shownArguments()] : [])].join(' '),
    day,
    machine: {
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      /** Of all that runs there: above the number of cores, others take part of them. */
      loadBefore: load[0],
      loadAfter: loadavg()[0],
    },
    versions: {
      millrace: version,
      commit,
      ...(values.against === undefined ? {} : { against: await commitOf(resolve(values.against)) }),
      node: process.version,
      ghz: 'v0.93.0',
      '@grpc/grpc-js': dependencies['@grpc/grpc-js'],
      'onnxruntime-node': dependencies['onnxruntime-node'],
      mlserver: values.mlserver ? '1.7.1' : 'not measured',
      'nvidia-pytriton': values.pytriton ? '0.7.0' : 'not measured',
    },
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    outcomes,
  };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  say(`written to ${file}`);
}

async function commitOf(checkout: string): Promise<string> {
  const asked = promisify(execFile)('git', ['-C', checkout, 'rev-parse', '--short', 'HEAD']);
  const { stdout } = await asked.catch(() => ({ stdout: 'unknown' }));
  return stdout.trim();
}

/** Without what tools/setup adds, and without paths of this machine. */
function shownArguments(): string[] {
  const args = process.argv.slice(2);
  for (const added of ['--mlserver', '--pytriton']) {
    const at = args.indexOf(added);
    if (at >= 0) args.splice(at, 2);
  }
  const at = args.indexOf('--against');
  if (at >= 0) args[at + 1] = 'DIR';
  return args;
}

const loadBefore = loadavg();
const outcomes = await measure();
say('');
for (const outcome of outcomes) say(line(outcome));
if (values.rows === undefined || values.save) await save(outcomes, loadBefore);
process.exit(0);
