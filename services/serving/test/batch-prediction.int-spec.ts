// `millrace predict --input … --output …` against a real serving process: Parquet and CSV, every row its own answer,
// bad rows told with their place.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { cloneRoot, startKafka, uniquePrefix } from '@millrace/testing';
import { writePackage } from './package-fixture.js';
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
  const predict = (...args: string[]) =>
    new Promise<{ code: number; output: string; errors: string }>((resolve) => {
      const command = [join(cloneRoot(), 'dist/apps/cli/src/main.js'), '--json', 'predict', 'demo', ...args];
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
    serving = await startServing({ home, brokers: kafka.brokers, topicPrefix });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
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
    lines[21] = '0.5,3,JFK,';
    lines[31] = '0.5,3,JFK,true,more,and more';
    writeFileSync(file('in.csv'), lines.join('\n'));
    const { code, output, errors } = await predict('--input', file('in.csv'), '--output', file('out.csv'));
    expect([code, errors]).toEqual([1, expect.anything()]);
    const summary = JSON.parse(output);
    const told = [...summary.badRows, ...summary.unreadable].map(({ error }: { error: string }) => error).join('\n');
    expect(told).toContain("'flag' is missing");
    expect(summary.predicted).toBe(57);
    expect(summary.bad + summary.unreadable.length).toBe(3);
    const [counted] = await sql(
      `SELECT count(*) AS n, count(probability) AS good, count(prediction_error) AS bad FROM '${file('out.csv')}'`,
    );
    expect(Number(counted?.good)).toBe(57);
    expect(Number(counted?.bad)).toBe(summary.bad);
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
