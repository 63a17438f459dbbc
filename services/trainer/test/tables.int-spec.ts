// Trainings of public tables (libs/models/golden) by real workers, with nothing said about how to train: what comes out
// is as good as scikit-learn's logistic regression on rows not seen, whatever the number of rows, and what
// docs/training-defaults.md says.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cloneRoot, type PublicTable, publicTables, rowsOfTable } from '@millrace/testing';
import { trialOf } from './table-trial.js';
import { WorkerGroup } from './worker-group.js';

let group: WorkerGroup;

beforeAll(async () => {
  group = await WorkerGroup.start(2);
}, 180_000);
afterAll(() => group?.stop());

/** The figure in a column of the table's line in the document. */
function documented(name: string, column: string): number {
  const lines = readFileSync(join(cloneRoot(), 'docs/training-defaults.md'), 'utf8').split('\n');
  const cells = (line: string | undefined) => line?.split('|').map((cell) => cell.trim()) ?? [];
  const head = cells(lines.find((line) => line.startsWith('| table')));
  const row = cells(lines.find((line) => line.startsWith(`| ${name} |`)));
  return Number(row[head.indexOf(column)]);
}

describe('a training of which nothing is said but its columns', () => {
  it.each(publicTables().map((table) => [table.name, table] as const))(
    'is as good as a logistic regression of %s, or better',
    async (_name, table) => {
      const { own, logistic } = await trialOf(group, table, rowsOfTable(table), 1);
      expect(own).toBeLessThan(table.trivial);
      expect(logistic / table.logistic).toBeLessThan(1.02);
      expect(own / table.logistic).toBeLessThan(1.02);
      expect(own).toBeCloseTo(documented(table.name, 'model'), 2);
      expect(logistic).toBeCloseTo(documented(table.name, 'baseline'), 3);
      expect(table.logistic).toBeCloseTo(documented(table.name, 'scikit-learn'), 4);
    },
    300_000,
  );

  it('gives the same model again, and one as good from another number of workers', async () => {
    const table = publicTables().find(({ name }) => name === 'breast_cancer') as PublicTable;
    const rows = rowsOfTable(table);
    const [one, again] = [await trialOf(group, table, rows, 1), await trialOf(group, table, rows, 1)];
    expect(again.trial.weights).toEqual(one.trial.weights);
    const two = await trialOf(group, table, rows, 2);
    expect(two.own).toBeCloseTo(one.own, 2);
  }, 300_000);
});
