// `millrace predict --input … --output …` against a real serving process: Parquet and CSV, every row its own answer,
// bad rows told with their place.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { type InferRequest, Tensor } from '@millrace/inference';
import { cloneRoot, startKafka, uniquePrefix } from '@millrace/testing';
import { PLAN, writePackage } from './package-fixture.js';
import {
  ControlWriter,
  InferClient,
  requestOf,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

const ROWS = 20_000;

const MIXED_ROWS = 10_000;
const ORIGINS = ['yes', 'no', 'true', '1', '007', 'a, "b"', 'two\nlines', 'Zürich', '東京', '9007199254740993', null];
const MIXED_PLAN = {
  ...PLAN,
  steps: PLAN.steps.map((step) =>
    step.kind === 'categorical' ? { ...step, vocabulary: ORIGINS.filter((origin) => origin !== null) } : step,
  ),
};

/** What a row means; null = missing. */
interface MixedRow {
  distance: number | null;
  hour: number | null;
  origin: string | null;
  flag: boolean | null;
}

const mixedRow = (i: number): MixedRow => ({
  distance: i % 11 === 0 ? null : ((i % 997) - 300) / 97,
  hour: i % 13 === 0 ? null : i % 24,
  origin: ORIGINS[i % ORIGINS.length] as string | null,
  flag: i % 7 === 0 ? null : i % 3 === 0,
});

/** The same row as people's files have it. */
function csvLine({ distance, hour, origin, flag }: MixedRow, i: number): string {
  const quoted = origin === null ? '' : /[",\n]/.test(origin) ? `"${origin.replaceAll('"', '""')}"` : origin;
  const number = distance === null ? '' : i % 2 === 0 ? String(distance) : ` ${distance.toExponential()}`;
  const truth = flag === null ? '' : [String(flag), String(flag).toUpperCase(), flag ? '1' : '0'][i % 3];
  return [number, hour === null ? '' : i % 5 === 0 ? `+${hour}` : String(hour), quoted, truth].join(',');
}

/** One request over gRPC: a missing value is NaN or an empty text; FP64 where integers or booleans have one. */
function mixedRequest(rows: readonly MixedRow[]): InferRequest {
  const shape = [rows.length];
  const numbers = (name: string, values: readonly (number | boolean | null)[]) =>
    Tensor.of(
      name,
      'FP64',
      shape,
      values.map((value) => (value === null ? Number.NaN : Number(value))),
    );
  return {
    modelName: 'mixed',
    modelVersion: '',
    id: '',
    parameters: {},
    outputs: [],
    inputs: [
      numbers(
        'distance',
        rows.map(({ distance }) => distance),
      ),
      numbers(
        'hour',
        rows.map(({ hour }) => hour),
      ),
      Tensor.of(
        'origin',
        'BYTES',
        shape,
        rows.map(({ origin }) => origin ?? ''),
      ),
      numbers(
        'flag',
        rows.map(({ flag }) => flag),
      ),
    ],
  };
}

describe('batch prediction', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const file = (name: string) => join(home, name);
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;

  const sql = async (text: string) => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(text)).getRowObjects();
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  };
  const predict = (...args: string[]) => predictWith('demo', ...args);
  const predictWith = (model: string, ...args: string[]) =>
    new Promise<{ code: number; output: string; errors: string }>((resolve) => {
      const command = [join(cloneRoot(), 'dist/apps/cli/src/main.js'), '--json', 'predict', model, ...args];
      const env = { ...environment(), NODE_OPTIONS: '', MILLRACE_HOME: home };
      execFile(process.execPath, [...command, '--via', serving.grpc], { env }, (error, output, errors) =>
        resolve({ code: Number(error?.code ?? 0), output, errors }),
      );
    });

  beforeAll(async () => {
    const kafka = await startKafka();
    const topicPrefix = uniquePrefix();
    control = new ControlWriter(kafka.brokers, topicPrefix);
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.route('demo', [1]);
    writePackage(home, 'mixed', 1, 7, MIXED_PLAN);
    await control.route('mixed', [1]);
    serving = await startServing({ home, brokers: kafka.brokers, topicPrefix });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
    await untilLoaded(serving, 'mixed', 1);
    client = new InferClient(serving.grpc);
    await sql(`COPY (SELECT i AS id, (i % 997) / 997.0 AS distance, i % 24 AS hour,
        CASE WHEN i % 50 = 0 THEN NULL ELSE ['JFK', 'LAX', 'ORD', 'ATL'][1 + i % 4] END AS origin, i % 3 = 0 AS flag
      FROM range(${ROWS}) t(i)) TO '${file('in.parquet')}' (FORMAT parquet)`);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('predicts every row of a Parquet file, in its order, with progress', async () => {
    const { code, output, errors } = await predict('--input', file('in.parquet'), '--output', file('out.parquet'));
    expect([code, errors]).toEqual([0, expect.stringContaining(`${ROWS} of ${ROWS} rows predicted`)]);
    expect(errors).toContain('50 %');
    expect(JSON.parse(output)).toMatchObject({ rows: ROWS, predicted: ROWS, bad: 0, unreadable: [], leftToServer: [] });
    const rows = await sql(`SELECT * FROM '${file('out.parquet')}'`);
    expect(rows.map(({ id }) => Number(id))).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    for (const at of [0, 1, 49, 1_023, 1_024, ROWS - 1]) {
      const row = rows[at] as Record<string, unknown>;
      const one = {
        distance: Number(row.distance),
        hour: Number(row.hour),
        origin: String(row.origin ?? ''),
        flag: Boolean(row.flag),
      };
      const answer = await client.infer(requestOf('demo', [one]));
      expect(row.probability).toBe(answer.outputs.find(({ name }) => name === 'probability')?.number(0));
      expect(row.label).toBe(answer.outputs.find(({ name }) => name === 'label')?.texts()[0]);
      expect(row.prediction_error).toBeNull();
    }
  }, 60_000);

  it('tells bad rows of a CSV file with their place, and predicts the others', async () => {
    const lines = ['distance,hour,origin,flag', ...Array.from({ length: 60 }, (_, i) => `0.${i},${i % 24},JFK,true`)];
    lines[11] = 'far,3,JFK,true';
    lines[21] = '0.5,3,JFK,maybe';
    lines[31] = '0.5,3,JFK,true,more,and more';
    writeFileSync(file('in.csv'), lines.join('\n'));
    const { code, output, errors } = await predict('--input', file('in.csv'), '--output', file('out.csv'));
    expect([code, errors]).toEqual([1, expect.anything()]);
    const summary = JSON.parse(output);
    const told = [...summary.badRows, ...summary.unreadable].map(({ error }: { error: string }) => error).join('\n');
    expect(told).toContain(`'flag' is not of BOOL (true or false): "maybe"`);
    expect(told).toContain(`'distance' is not of FP64 (a number): "far"`);
    expect(summary.predicted).toBe(57);
    expect(summary.bad + summary.unreadable.length).toBe(3);
    const [counted] = await sql(
      `SELECT count(*) AS n, count(probability) AS good, count(prediction_error) AS bad FROM '${file('out.csv')}'`,
    );
    expect(Number(counted?.good)).toBe(57);
    expect(Number(counted?.bad)).toBe(summary.bad);
  }, 60_000);

  it('answers the same rows alike: CSV, Parquet, one row, REST and gRPC, with every kind of value', async () => {
    const rows = Array.from({ length: MIXED_ROWS }, (_, i) => mixedRow(i));
    const answers: number[] = [];
    for (let from = 0; from < MIXED_ROWS; from += 500) {
      const { outputs } = await client.infer(mixedRequest(rows.slice(from, from + 500)));
      answers.push(...((outputs.find(({ name }) => name === 'probability')?.toValues() ?? []) as number[]));
    }
    // The values matter: an answer that is the same for all would hide a value that was lost.
    expect(new Set(answers).size).toBeGreaterThan(MIXED_ROWS / 4);

    for (let from = 0; from < MIXED_ROWS; from += 2_500) {
      const part = rows.slice(from, from + 2_500);
      const input = (name: keyof MixedRow, datatype: string) => ({
        name,
        datatype,
        shape: [part.length],
        data: part.map((row) => row[name]),
      });
      const inputs = [
        input('distance', 'FP64'),
        input('hour', 'INT64'),
        input('origin', 'BYTES'),
        input('flag', 'BOOL'),
      ];
      const { status, body } = await serving.json('/v2/models/mixed/infer', {
        method: 'POST',
        body: JSON.stringify({ inputs }),
      });
      expect([status, body.error]).toEqual([200, undefined]);
      const { data } = body.outputs.find(({ name }: { name: string }) => name === 'probability');
      expect(data).toEqual(answers.slice(from, from + 2_500));
    }

    const csv = file('mixed.csv');
    writeFileSync(csv, `distance,hour,origin,flag\n${rows.map(csvLine).join('\n')}\n`);
    const fromCsv = await predictWith('mixed', '--input', csv, '--output', file('mixed-csv.parquet'));
    expect([fromCsv.code, fromCsv.output]).toEqual([0, expect.stringContaining(`"predicted": ${MIXED_ROWS}`)]);
    const scored = await sql(`SELECT * FROM '${file('mixed-csv.parquet')}'`);
    expect(scored.map(({ probability }) => probability)).toEqual(answers);
    expect(scored.map(({ origin }) => origin ?? null)).toEqual(rows.map(({ origin }) => origin));

    writeFileSync(file('mixed.ndjson'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const columns = "{distance: 'DOUBLE', hour: 'INTEGER', origin: 'VARCHAR', flag: 'BOOLEAN'}";
    await sql(
      `COPY (SELECT * FROM read_json('${file('mixed.ndjson')}', columns = ${columns})) TO '${file('mixed.parquet')}' (FORMAT parquet)`,
    );
    const typed = await predictWith('mixed', '--input', file('mixed.parquet'), '--output', file('mixed-out.parquet'));
    expect(typed.code).toBe(0);
    const again = await sql(`SELECT probability FROM '${file('mixed-out.parquet')}'`);
    expect(again.map(({ probability }) => probability)).toEqual(answers);

    // Each text, each value that is missing.
    for (const at of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13]) {
      const one = await predictWith('mixed', '--row', JSON.stringify(rows[at]));
      expect(JSON.parse(one.output)).toMatchObject({ version: 1, probability: answers[at] });
    }
  }, 180_000);

  it('refuses alike what the model cannot take', async () => {
    const wide = '9007199254740993';
    const one = await predictWith('mixed', '--row', `{"distance": 1, "hour": ${wide}, "origin": "yes", "flag": true}`);
    expect([one.code, one.output]).toEqual([2, expect.stringContaining("input 'hour' row 1 is beyond 2^53")]);
    writeFileSync(file('wide.csv'), `distance,hour,origin,flag\n1,${wide},yes,true\n1,3,yes,true\n`);
    const csv = await predictWith('mixed', '--input', file('wide.csv'), '--output', file('wide-out.csv'));
    expect([csv.code, JSON.parse(csv.output).badRows]).toEqual([
      1,
      [{ row: 1, error: expect.stringContaining("input 'hour' is beyond 2^53") }],
    ]);
    const inputs = [{ name: 'hour', datatype: 'INT64', shape: [1], data: [1] }];
    const rest = await serving.json('/v2/models/mixed/infer', {
      method: 'POST',
      body: JSON.stringify({ inputs }).replace('[1]}]', `[${wide}]}]`),
    });
    expect([rest.status, rest.body.error]).toEqual([400, expect.stringContaining("input 'hour' row 1 is beyond 2^53")]);

    for (const [row, told] of [
      ['{"distance": "far"}', 'input \'distance\' is \\"far\\", it takes a number'],
      ['{"distnace": 1}', "no input 'distnace'. Did you mean 'distance'?"],
      ['{"distance": 1, "hour": 1, "origin": "yes"}', "'flag' (true or false) is missing: give a value"],
    ] as const) {
      const { code, output } = await predictWith('mixed', '--row', row);
      expect([code, output]).toEqual([2, expect.stringContaining(told)]);
    }
  }, 60_000);

  it('fills in what the project file derives', async () => {
    const project = `name: demo
data:
  entity: who
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: distance, type: number }
    - { name: hour, type: integer, derive: { from: at, part: hour } }
    - { name: origin, type: text }
    - { name: flag, type: boolean }
    - { name: paid, type: number, outcome: true }
  label: { name: good, column: paid }
features:
  - { name: distance, kind: numeric }
`;
    writeFileSync(file('project.yaml'), project);
    const lines = Array.from({ length: 48 }, (_, i) => `${new Date(i * 3_600_000).toISOString()},0.5,JFK,true`);
    writeFileSync(file('times.csv'), ['at,distance,origin,flag', ...lines].join('\n'));
    const files = ['--input', file('times.csv'), '--output', file('times.out.csv')];
    const { code, output } = await predict(...files, '--project', file('project.yaml'));
    expect([code, JSON.parse(output)]).toMatchObject([0, { predicted: 48, leftToServer: [] }]);
    const rows = await sql(`SELECT * FROM '${file('times.out.csv')}'`);
    expect(Object.keys(rows[0] ?? {})).toEqual([
      'at',
      'distance',
      'origin',
      'flag',
      'probability',
      'label',
      'prediction_error',
    ]);
    for (const hour of [0, 7, 23]) {
      const answer = await client.infer(requestOf('demo', [{ distance: 0.5, hour, origin: 'JFK', flag: true }]));
      const expected = answer.outputs.find(({ name }) => name === 'probability')?.number(0);
      expect(Math.fround(Number(rows[24 + hour]?.probability))).toBe(expected);
    }
    const without = await predict(...files);
    expect([without.code, without.output]).toEqual([1, expect.stringContaining("input 'hour' is missing")]);
  }, 60_000);

  it('says what is wrong with the command or the file', async () => {
    const absent = await predict('--input', file('none.parquet'), '--output', file('x.parquet'));
    expect(absent.code).toBe(4);
    const nothing = await predict('--input', file('in.csv'));
    expect([nothing.code, nothing.output]).toEqual([2, expect.stringContaining('--output')]);
    writeFileSync(file('other.csv'), 'a,b\n1,2\n');
    const other = await predict('--input', file('other.csv'), '--output', file('x.csv'));
    expect([other.code, other.output]).toEqual([2, expect.stringContaining("none of the model's inputs")]);
  }, 60_000);
});
