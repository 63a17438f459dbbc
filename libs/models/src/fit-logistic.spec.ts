// Against scikit-learn's LogisticRegression on public tables (golden/make_tables.py), on rows that neither has seen.

import { describe, expect, it } from '@jest/globals';
import { encodeRows, type FeaturePlan, fitPlan } from '@millrace/features';
import { type PublicTable, publicTables, rowsOfTable } from '@millrace/testing';
import { baselineNetwork } from './baseline.js';
import { fitLogistic } from './fit-logistic.js';
import { forward } from './forward.js';
import { buildNetwork } from './network.js';

const breathe = async () => {};

function planOf({ numbers, labels }: PublicTable): FeaturePlan {
  return {
    inputs: [
      ...numbers.map((name) => ({ name, type: 'number' as const })),
      ...labels.map((name) => ({ name, type: 'text' as const })),
    ],
    features: [
      ...numbers.map(
        (input) => ({ kind: 'numeric', input, scaling: 'standard', missing: 'mean', clamp: true }) as const,
      ),
      ...labels.map(
        (input) => ({ kind: 'categorical', input, minCount: 1, vocabularyMax: 10_000, embedding: 0 }) as const,
      ),
    ],
  };
}

function logLoss(labels: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++)
    sum -= Math.log(labels[i] === 1 ? (probabilities[i] as number) : 1 - (probabilities[i] as number));
  return sum / labels.length;
}

describe('the logistic regression', () => {
  it.each(publicTables().map((table) => [table.name, table] as const))(
    'is within 1 %% of scikit-learn on %s',
    async (_name, table) => {
      const { columns, labels } = rowsOfTable(table);
      const part = (from: number, to: number) =>
        Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values.slice(from, to)]));
      const training = part(0, table.train);
      const { plan } = fitPlan(planOf(table), training);
      const network = baselineNetwork(plan);
      const rows = { encoded: encodeRows(plan, training), labels: labels.slice(0, table.train) };
      const weights = await fitLogistic(network, rows, breathe);
      const scores = forward(network, weights, encodeRows(plan, part(table.train, table.rows)));
      const own = logLoss(labels.slice(table.train), scores);
      expect(Math.abs(own / table.logistic - 1)).toBeLessThan(0.01);
      expect(own).toBeLessThan(table.trivial);
    },
  );

  const numbers: FeaturePlan = {
    inputs: [
      { name: 'x', type: 'number' },
      { name: 'y', type: 'number' },
    ],
    features: [
      { kind: 'numeric', input: 'x', scaling: 'none', missing: 'mean', clamp: true },
      { kind: 'numeric', input: 'y', scaling: 'none', missing: 'mean', clamp: true },
    ],
  };

  it('does not mind the units of its numbers, nor rows that a line parts', async () => {
    const x = Array.from({ length: 60 }, (_, i) => i / 60);
    const y = x.map((value) => Math.sin(40 * value));
    const labels = Float32Array.from(x, (value) => Number(value > 0.5));
    const scores = async (unit: number) => {
      const columns = { x: x.map((value) => unit * value), y };
      const { plan } = fitPlan(numbers, columns);
      const encoded = encodeRows(plan, columns);
      return forward(
        baselineNetwork(plan),
        await fitLogistic(baselineNetwork(plan), { encoded, labels }, breathe),
        encoded,
      );
    };
    const [one, million] = [await scores(1), await scores(1e6)];
    million.forEach((score, i) => {
      expect(score).toBeCloseTo(one[i] as number, 4);
    });
    expect(Math.max(...one)).toBeGreaterThan(0.9);
    expect(Math.max(...one)).toBeLessThan(1);
  });

  it('of rows with one answer only says little but that', async () => {
    const columns = { x: [1, 2, 3, 4], y: [4, 3, 2, 2] };
    const { plan } = fitPlan(numbers, columns);
    const network = baselineNetwork(plan);
    const encoded = encodeRows(plan, columns);
    const labels = new Float32Array(4);
    const scores = forward(network, await fitLogistic(network, { encoded, labels }, breathe), encoded);
    for (const score of scores) expect(score).toBeLessThan(0.01);
  });

  it('is no network with hidden layers', async () => {
    const { plan } = fitPlan(numbers, { x: [1, 2], y: [1, 3] });
    const deep = buildNetwork(plan, { kind: 'mlp', hidden: [2], activation: 'relu' });
    const rows = { encoded: new Float32Array(4), labels: new Float32Array(2) };
    await expect(fitLogistic(deep, rows, breathe)).rejects.toThrow('hidden');
  });
});
