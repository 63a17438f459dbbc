// The newest result of `npm run bench:first-hour` in bench/results: what it must reach, and docs/training-defaults.md
// shows its figures and no others.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cloneRoot } from '@millrace/testing';

const SECONDS_MAX = 60;
/** Of scikit-learn's log loss. */
const LOGISTIC_RATIO_MAX = 1.02;

interface Table {
  name: string;
  rows: number;
  seconds: Record<'new' | 'ingest' | 'train' | 'predict' | 'all', number>;
  isAnswered: boolean;
  verdict: string;
  logLoss: Record<'model' | 'logistic' | 'trivial', number>;
  scikitLearn: { logistic: number; trivial: number };
}

const results = join(cloneRoot(), 'bench/results');
const newest = readdirSync(results)
  .filter((file) => file.endsWith('-first-hour.json'))
  .sort()
  .at(-1) as string;
const { tables } = JSON.parse(readFileSync(join(results, newest), 'utf8')) as { tables: Table[] };
const page = readFileSync(join(cloneRoot(), 'docs/training-defaults.md'), 'utf8');

describe('the first hour of six tables', () => {
  it('is measured and named in the document', () => {
    expect(tables).toHaveLength(6);
    expect(page).toContain(`bench/results/${newest}`);
  });

  it.each(tables.map((table) => [table.name, table] as const))('%s', (_name, table) => {
    const { name, rows, seconds, logLoss, scikitLearn } = table;
    expect(seconds.all).toBeLessThanOrEqual(SECONDS_MAX);
    expect(logLoss.logistic / scikitLearn.logistic).toBeLessThanOrEqual(LOGISTIC_RATIO_MAX);
    expect(logLoss.trivial).toBeCloseTo(scikitLearn.trivial, 6);
    expect(table.verdict).toMatch(/^version 1 is blessed: /);
    expect(table.isAnswered).toBe(true);
    expect(logLoss.model).toBeLessThan(logLoss.trivial);
    const losses = [logLoss.trivial, scikitLearn.logistic, logLoss.logistic, logLoss.model];
    const times = [seconds.new, seconds.ingest, seconds.train, seconds.predict, seconds.all];
    const figures = [...losses.map((value) => value.toFixed(4)), ...times.map((value) => value.toFixed(1))];
    expect(page).toContain(`| ${[name, rows, ...figures].join(' | ')} |`);
  });
});
