// A stranger's table and an ONNX file that scikit-learn made, on a whole platform: registered, rolled out blue/green
// beside a version that was trained here, answering what ONNX Runtime itself answers (own_model_answers.py), and
// watched: shifted rows end in a drift event of the registered version, after five commands of its owner.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { InferClient } from '@millrace/grpc';
import { Tensor } from '@millrace/inference';
import { type Finished, Platform, REPOSITORY, type Running, until } from './support/platform.process.js';
import { HEAD, loans, outcomes } from './support/strangers-files.js';

const READY_WITHIN_MS = 300_000;
/** A training takes its steps as fast as the machine lets it. */
const COMMAND_WITHIN_MS = 600_000;
const TABLE = join(REPOSITORY, 'examples/own-model/customers.csv');
const MODEL = join(REPOSITORY, 'examples/own-model/churn.onnx');
const EXPECTED: readonly number[] = JSON.parse(
  readFileSync(join(REPOSITORY, 'test/e2e/support/own-model-answers.json'), 'utf8'),
);
const ERROR_MAX = 1e-6;
/** So that windows close while the test looks on. */
const SHORT_WINDOWS = '\nmonitoring: { window: 10s, allowedLateness: 1s, minRows: 200 }\n';

const COLUMNS = ['age', 'income', 'debt', 'city', 'tenure'] as const;
type Row = Record<(typeof COLUMNS)[number], string>;

const lines = readFileSync(TABLE, 'utf8').trimEnd().split('\n');
const rows = lines.slice(1).map((line): Row => {
  const cells = line.split(',');
  return Object.fromEntries(COLUMNS.map((name, i) => [name, cells[i] as string])) as Row;
});

let platform: Platform;
let up: Running;
const folder = mkdtempSync(join(tmpdir(), 'millrace-own-model-'));
/** Of the owner of the model; the trained version beside it is another's. */
let ownCommands = 0;

function ended(args: readonly string[], within = folder): Promise<Finished> {
  const cli = join(REPOSITORY, 'dist/apps/cli/src/main.js');
  const run = platform.inGroupOfItsOwn(['bash', '-c', 'cd "$0" && exec "$@"', within, process.execPath, cli, ...args]);
  return run.finished;
}

async function millrace(args: readonly string[]): Promise<string> {
  const { code, output } = await ended(args);
  if (code !== 0) throw new Error(`millrace ${args.join(' ')} ended with ${code}:\n${output}\n${platform.logs()}`);
  return output;
}

const own = (...args: string[]): Promise<string> => {
  ownCommands += 1;
  return millrace(args);
};

const json = async (
  setting: Parameters<Platform['url']>[0],
  path: string,
  init?: RequestInit,
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of many shapes
): Promise<{ status: number; body: any }> => {
  const response = await fetch(platform.url(setting, path), init);
  return { status: response.status, body: await response.json() };
};

beforeAll(async () => {
  platform = await Platform.create();
  up = platform.spawn(['up']);
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => up.output(),
    up,
  );
}, 2 * READY_WITHIN_MS);

afterAll(async () => {
  up?.child.kill('SIGTERM');
  await up?.finished;
  platform?.remove();
  rmSync(folder, { recursive: true });
}, 60_000);

describe('a model that was made elsewhere', () => {
  const typed = (row: Row) => ({ ...row, age: +row.age, income: +row.income, debt: +row.debt, tenure: +row.tenure });

  it(
    'stands beside a version that was trained here',
    async () => {
      await own('new', TABLE, '--label', 'churned=yes', '--yes', '--name', 'churn');
      const file = join(folder, 'project.yaml');
      writeFileSync(file, `${readFileSync(file, 'utf8')}${SHORT_WINDOWS}`);
      await own('ingest', 'churn', '--file', TABLE);
      await millrace(['train', 'churn']);
      expect(await own('models', 'register', MODEL, '--project', 'churn')).toContain('version 2 is in service');
      const { body } = await json('MILLRACE_TRAINER_HTTP_PORT', '/v1/projects/churn/models');
      expect(body.models.map(({ version, origin }: { version: number; origin: string }) => [version, origin])).toEqual([
        [1, 'trained'],
        [2, 'file'],
      ]);
      // Blue/green between the two: back to the one that was trained here, and forth again.
      const row = JSON.stringify(typed(rows[0] as Row));
      for (const [version, ...command] of [
        [1, 'rollback', 'churn'],
        [2, 'promote', 'churn', '2'],
      ] as const) {
        await millrace(command);
        const answer = await millrace(['predict', 'churn', '--row', row]);
        expect(answer).toContain(`"version":${version}`);
      }
    },
    COMMAND_WITHIN_MS,
  );

  it(
    'is compared with the one that was trained here on the recorded rows, without live traffic',
    async () => {
      const said = (await millrace(['backtest', 'churn', '--against', '2', '--model-version', '1'])).replace(
        /\s+/g,
        ' ',
      );
      expect(said).toMatch(/(is the better one|no difference is seen): Log loss 0\.\d{4} against 0\.\d{4} on \d+ rows/);
      expect(said).toContain('which rows version 2 has learned from');
      expect(said).toMatch(/version 1 version 2 difference 95 %/);
    },
    COMMAND_WITHIN_MS,
  );

  it(
    'answers what ONNX Runtime answers: a file, a row, REST and gRPC the same',
    async () => {
      const first = rows.slice(0, EXPECTED.length);
      const input = join(folder, 'first.csv');
      writeFileSync(input, `${lines.slice(0, EXPECTED.length + 1).join('\n')}\n`);
      await millrace([
        'predict',
        'churn',
        '--input',
        input,
        '--output',
        join(folder, 'scored.csv'),
        '--model-version',
        '2',
      ]);
      const [head = '', ...scored] = readFileSync(join(folder, 'scored.csv'), 'utf8').trimEnd().split('\n');
      const at = head.split(',').indexOf('probability');
      const batch = scored.map((line) => Number(line.split(',')[at]));
      expect(batch).toHaveLength(EXPECTED.length);
      expect(Math.max(...batch.map((answer, i) => Math.abs(answer - (EXPECTED[i] as number))))).toBeLessThan(ERROR_MAX);

      const datatype = (name: string) =>
        name === 'city' ? 'BYTES' : name === 'income' || name === 'debt' ? 'FP64' : 'INT64';
      const valuesOf = (name: (typeof COLUMNS)[number]) =>
        first.map((row) => (name === 'city' ? row.city : Number(row[name])));
      const inputs = COLUMNS.map((name) => ({
        name,
        datatype: datatype(name) as 'BYTES' | 'FP64' | 'INT64',
        shape: [first.length],
        data: valuesOf(name),
      }));
      const rest = await json('MILLRACE_ROUTER_HTTP_PORT', '/v2/models/churn/versions/2/infer', {
        method: 'POST',
        body: JSON.stringify({ inputs, outputs: [{ name: 'probability' }] }),
      });
      expect(rest.body.outputs[0].data.map(Math.fround)).toEqual(batch.map(Math.fround));

      const client = new InferClient(`127.0.0.1:${platform.ports.MILLRACE_ROUTER_GRPC_PORT}`);
      const answer = await client.infer({
        modelName: 'churn',
        modelVersion: '2',
        id: '',
        parameters: {},
        outputs: [],
        inputs: inputs.map(({ name, datatype: type, shape, data }) => Tensor.of(name, type, shape, data)),
      });
      client.close();
      expect(answer.outputs[0]?.toValues()).toEqual(batch.map(Math.fround));

      const row = await millrace([
        'predict',
        'churn',
        '--row',
        JSON.stringify(typed(first[0] as Row)),
        '--model-version',
        '2',
      ]);
      expect(Math.fround(JSON.parse(row.slice(row.indexOf('{'), row.indexOf('}') + 1)).probability)).toBe(
        Math.fround(batch[0] as number),
      );
    },
    COMMAND_WITHIN_MS,
  );

  it(
    'is watched: shifted rows end in a drift event that names the column',
    async () => {
      const input = join(folder, 'shifted.csv');
      const shifted = rows.map((row) =>
        COLUMNS.map((name) => (name === 'income' ? Number(row.income) * 3 : row[name])).join(),
      );
      writeFileSync(input, `${COLUMNS.join()}\n${shifted.join('\n')}\n`);
      await own(
        'predict',
        'churn',
        '--input',
        input,
        '--output',
        join(folder, 'shifted-scored.csv'),
        '--model-version',
        '2',
      );
      // Traffic goes on, which is what lets a window close.
      const trickle = () =>
        millrace(['predict', 'churn', '--row', JSON.stringify(typed(rows[0] as Row)), '--model-version', '2']);
      await until(
        async () => {
          await trickle();
          const { body } = await json('MILLRACE_MONITOR_HTTP_PORT', '/v1/projects/churn/drift-events');
          return body.driftEvents.length > 0;
        },
        READY_WITHIN_MS,
        () => platform.logs(),
      );
      const events = await own('events', 'churn');
      expect(events).toMatch(/income\s+(ks|psi)/);
      expect(events).toContain('version 2');
      expect(ownCommands).toBeLessThanOrEqual(5);
    },
    COMMAND_WITHIN_MS,
  );

  it(
    'is registered and not blessed where a file of rows speaks against it; the exit code says so',
    async () => {
      const wrongWay = ['--output', 'probability=probabilities[0]'];
      const args = ['models', 'register', MODEL, '--project', 'churn', '--reference', TABLE, ...wrongWay];
      const { code, output } = await ended(args);
      expect(output).toContain('version 3 is not blessed');
      expect(output).toContain('rollout start churn 3');
      expect(code).toBe(1);
    },
    COMMAND_WITHIN_MS,
  );

  it(
    'comes into service without a labelled row where its owner says so, and gets its reference of the first rows',
    async () => {
      const empty = mkdtempSync(join(folder, 'empty-'));
      const within = async (...args: string[]) => {
        const { code, output } = await ended(args, empty);
        expect({ args, code, output }).toMatchObject({ code: 0 });
        return output;
      };
      await within('new', TABLE, '--label', 'churned=yes', '--yes', '--name', 'unjudged');
      const project = ['--project', 'unjudged'];
      expect(await within('models', 'register', MODEL, ...project)).toMatch(/rollout start unjudged 1 +# unjudged/);
      expect(await within('models', 'register', MODEL, ...project, '--unjudged')).toContain('is in service');
      const row = JSON.stringify(typed(rows[0] as Row));
      expect(await within('predict', 'unjudged', '--row', row)).toContain('probability');
      await until(
        async () => (await within('status')).includes('reference: 1 of 1,000 rows'),
        READY_WITHIN_MS,
        () => platform.logs(),
      );
    },
    COMMAND_WITHIN_MS,
  );
});

describe('rows that have ids of their own', () => {
  it(
    'are found by their labels when a file of them was predicted',
    async () => {
      const within = mkdtempSync(join(folder, 'ids-'));
      writeFileSync(join(within, 'loans.csv'), loans(HEAD, 600));
      writeFileSync(join(within, 'outcomes.csv'), outcomes(20));
      const run = async (line: string) => {
        const { code, output } = await ended(line.split(' '), within);
        expect([line, code, code === 0 ? '' : output]).toEqual([line, 0, '']);
        return output;
      };
      for (const line of [
        'new loans.csv --label bad=yes --record-id loan --name ided --yes',
        'ingest ided --file loans.csv',
        'train ided',
        'predict ided --input loans.csv --output scored.csv',
      ])
        await run(line);
      expect(await run('labels add ided --file outcomes.csv')).toContain('20 labels accepted, 0 refused');
      const joined = async () =>
        (await json('MILLRACE_MONITOR_HTTP_PORT', '/v1/projects/ided/labels-joined')).body.labelsJoined;
      await until(
        async () => (await joined()) === 20,
        READY_WITHIN_MS,
        () => platform.logs(),
      );
      expect(await run('prediction get ided L7')).toContain('c7');
      expect(readFileSync(join(within, 'scored.csv'), 'utf8')).toMatch(/,prediction_id,prediction_error\nL0,.*,L0\/0,/);
      expect(await run('predict ided --row {"loan":"L900","amount":700}')).toContain('"predictionId":"L900/0"');
    },
    COMMAND_WITHIN_MS,
  );
});
