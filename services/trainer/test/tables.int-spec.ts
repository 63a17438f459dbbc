// Trainings of public tables (libs/models/golden) by real workers, with nothing said about how to train: what comes out
// is as good as scikit-learn's logistic regression on rows not seen, whatever the number of rows.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { forward, scoreLogistic } from '@millrace/models';
import { type Project, parseProject } from '@millrace/project';
import { type PublicTable, publicTables, rowsOfTable } from '@millrace/testing';
import { evaluateRows } from '../src/pipeline/evaluate.js';
import type { LabelledRows } from '../src/pipeline/load.js';
import { runTrial, type Trial } from '../src/pipeline/trial.js';
import { WorkerGroup } from './worker-group.js';

const LOG_LOSS = metricNamed('log_loss');
let group: WorkerGroup;

beforeAll(async () => {
  group = await WorkerGroup.start(2);
}, 180_000);
afterAll(() => group?.stop());

function projectOf({ numbers, labels }: PublicTable): Project {
  const column = (type: string) => (name: string) => ({ name, type });
  const feature = (kind: string) => (name: string) => ({ name, kind });
  const document = {
    name: 'table',
    data: {
      entity: 'who',
      eventTime: 'at',
      columns: [
        { name: 'at', type: 'timestamp', required: true },
        { name: 'who', type: 'text', required: true },
        { name: 'answer', type: 'boolean', outcome: true },
        ...numbers.map(column('number')),
        ...labels.map(column('text')),
      ],
      label: { name: 'answer', column: 'answer' },
    },
    features: [...numbers.map(feature('numeric')), ...labels.map(feature('categorical'))],
  };
  const parsed = parseProject(JSON.stringify(document), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

function trained(table: PublicTable, workers: number): Promise<Trial> {
  const { columns, labels } = rowsOfTable(table);
  const eventTimeMs = Float64Array.from(labels, (_, i) => i + 1);
  const rows: LabelledRows = { columns, labels, eventTimeMs, rows: labels.length };
  const settings = {
    ...{ id: `${table.name}-${workers}`, project: projectOf(table), workers, seed: 7, parent: null },
    split: { evaluateFromMs: table.train + 1, evaluationShare: 0 },
  };
  return runTrial(
    rows,
    settings,
    { report: () => undefined },
    {
      files: group.files,
      workers: group.collective,
      scorer: { score: async (network, weights, encoded) => Float32Array.from(forward(network, weights, encoded)) },
      clock: systemClock,
    },
  );
}

describe('a training of which nothing is said but its columns', () => {
  it.each(publicTables().map((table) => [table.name, table] as const))(
    'is as good as a logistic regression of %s, or better',
    async (_name, table) => {
      const { evaluation, baseline, later } = await trained(table, 1);
      const own = metricIn(evaluation, LOG_LOSS);
      const logistic = metricIn(
        evaluateRows(projectOf(table), later, scoreLogistic(baseline, later.columns)),
        LOG_LOSS,
      );
      expect(own).toBeLessThan(table.trivial);
      expect(logistic / table.logistic).toBeLessThan(1.02);
      expect(own / table.logistic).toBeLessThan(1.02);
    },
    300_000,
  );

  it('gives the same model again, and one as good from another number of workers', async () => {
    const table = publicTables().find(({ name }) => name === 'breast_cancer') as PublicTable;
    const [one, again, two] = [await trained(table, 1), await trained(table, 1), await trained(table, 2)];
    expect(again.weights).toEqual(one.weights);
    expect(two.workers).toBe(2);
    expect(metricIn(two.evaluation, LOG_LOSS)).toBeCloseTo(metricIn(one.evaluation, LOG_LOSS), 2);
  }, 300_000);
});
