// Against numbers of scikit-learn (golden/golden.json, made by golden/make.py) and against definitions.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { encodeRows, fitPlan } from '@millrace/features';
import {
  baselineNetwork,
  baselinePlan,
  type LogisticBaseline,
  logisticBaselineOf,
  scoreLogistic,
  scoreMajority,
} from './baseline.js';
import { forward, sigmoid } from './forward.js';
import { initialWeights, logit } from './initial.js';
import { buildNetwork, parameterOf } from './network.js';
import { applyGradient, finishGradient, learningRateAt, newOptimizerState } from './optimizer.js';

const golden = JSON.parse(readFileSync(new URL('../golden/golden.json', import.meta.url), 'utf8'));

describe('optimisers', () => {
  it('Adam makes the reference steps', () => {
    const weights = Float32Array.of(0.5, -1, 2);
    const state = newOptimizerState('adam', 3);
    golden.adam.forEach((expected: number[], i: number) => {
      const t = i + 1;
      applyGradient(state, weights, Float32Array.of(0.1 * t, -0.2, 0.05 * (-1) ** t), 0.01);
      expected.forEach((value, k) => {
        expect(weights[k]).toBeCloseTo(value, 5);
      });
    });
    expect(state.step).toBe(5);
  });

  it('SGD follows the gradient; the rate falls linearly to its share', () => {
    const weights = Float32Array.of(1, 2);
    applyGradient(newOptimizerState('sgd', 2), weights, Float32Array.of(0.5, -1), 0.1);
    expect([...weights].map((w) => Number(w.toFixed(6)))).toEqual([0.95, 2.1]);
    [1, 0.55, 0.1].forEach((rate, i) => {
      expect(learningRateAt(1, 0.1, 5 * i, 11)).toBeCloseTo(rate, 12);
    });
    expect(learningRateAt(1, 0.1, 0, 1)).toBe(1);
  });
});

const { plan: PLAN } = fitPlan(
  {
    inputs: [
      { name: 'a', type: 'integer' },
      { name: 'b', type: 'integer' },
    ],
    features: [
      { kind: 'categorical', input: 'a', minCount: 1, vocabularyMax: 10, embedding: 2 },
      { kind: 'categorical', input: 'b', minCount: 1, vocabularyMax: 10, embedding: 0 },
      { kind: 'numeric', input: 'b', scaling: 'none', missing: 'mean', clamp: true },
      { kind: 'cross', inputs: ['a', 'b'], buckets: 100, embedding: 0 },
    ],
  },
  { a: golden.logistic.a, b: golden.logistic.b },
);

describe('network', () => {
  const network = buildNetwork(PLAN, { kind: 'mlp', hidden: [3], activation: 'tanh' });

  it('lays out every parameter once', () => {
    expect(network.parameters.map(({ name, shape }) => [name, shape])).toEqual([
      ['embedding_2', [5, 2]],
      ['wide', [5 + 4 + 13, 1]],
      ['linear', [1, 1]],
      ['bias', [1]],
      ['hidden_0/kernel', [3, 3]],
      ['hidden_0/bias', [3]],
      ['output/kernel', [3, 1]],
    ]);
    expect(network.size).toBe(10 + 22 + 1 + 1 + 9 + 3 + 3);
    let end = 0;
    for (const { start, size } of network.parameters) {
      expect(start).toBe(end);
      end = start + size;
    }
  });

  it('computes what the formula says', () => {
    const weights = Float32Array.from({ length: network.size }, (_, i) => Math.sin(i + 1));
    const part = (name: string) => [...parameterOf(network, weights, name)];
    const encoded = encodeRows(PLAN, { a: [2], b: [1] });
    const [a = 0, b = 0, x = 0, cross = 0] = encoded;
    const wide = part('wide');
    const kernel = part('hidden_0/kernel');
    const inputs = [...part('embedding_2').slice(2 * a, 2 * a + 2), x];
    const hidden = [0, 1, 2].map((u) =>
      Math.tanh(
        inputs.reduce(
          (sum, value, k) => sum + value * (kernel[3 * k + u] as number),
          part('hidden_0/bias')[u] as number,
        ),
      ),
    );
    const output = part('output/kernel');
    const z =
      (part('bias')[0] as number) +
      (wide[a] as number) +
      (wide[5 + b] as number) +
      (wide[9 + cross] as number) +
      x * (part('linear')[0] as number) +
      hidden.reduce((sum, h, u) => sum + h * (output[u] as number), 0);
    expect(forward(network, weights, encoded)[0]).toBeCloseTo(sigmoid(z), 6);
  });

  it('starts at the base rate, with small seeded weights', () => {
    const weights = initialWeights(network, 0.2, seededRng(1));
    expect(weights).toEqual(initialWeights(network, 0.2, seededRng(1)));
    expect(parameterOf(network, weights, 'bias')[0]).toBeCloseTo(logit(0.2), 5);
    expect(Math.max(...parameterOf(network, weights, 'wide'))).toBe(0);
    expect(sigmoid(logit(0.2))).toBeCloseTo(0.2, 10);
  });
});

describe('the logistic baseline', () => {
  const plan = baselinePlan(PLAN);
  const network = baselineNetwork(plan);
  const columns = { a: golden.logistic.a as number[], b: golden.logistic.b as number[] };

  it('has no crosses', () => {
    expect(plan.width).toBe(PLAN.width - 1);
    expect(network.embeddings).toHaveLength(0);
    expect(network.wide.columns.map((column) => column.name)).toEqual(['a', 'b']);
  });

  it('trained to the end gives the probabilities of scikit-learn, and scores raw columns', () => {
    const encoded = encodeRows(plan, columns);
    const labels = golden.logistic.labels as number[];
    const weights = initialWeights(network, 0.5, seededRng(1));
    const state = newOptimizerState('adam', network.size);
    const gradient = new Float32Array(network.size);
    const steps = 3_000;
    for (let step = 0; step < steps; step++) {
      gradient.fill(0);
      const p = forward(network, weights, encoded);
      const wideStart = network.parameters.find((parameter) => parameter.name === 'wide')?.start ?? 0;
      const linearStart = network.parameters.find((parameter) => parameter.name === 'linear')?.start ?? 0;
      const biasStart = network.parameters.find((parameter) => parameter.name === 'bias')?.start ?? 0;
      labels.forEach((y, i) => {
        const residual = (p[i] as number) - y;
        const row = encoded.subarray(i * plan.width, (i + 1) * plan.width);
        for (const column of network.wide.columns) {
          const at = wideStart + column.offset + (row[column.at] as number);
          gradient[at] = (gradient[at] as number) + residual;
        }
        gradient[linearStart] = (gradient[linearStart] as number) + residual * (row[2] as number);
        gradient[biasStart] = (gradient[biasStart] as number) + residual;
      });
      finishGradient(network, weights, gradient, labels.length, 0);
      applyGradient(state, weights, gradient, learningRateAt(0.1, 0.01, step, steps));
    }
    const baseline: LogisticBaseline = { format: 1, plan, weights: Array.from(weights), majorityShare: 0.5 };
    const scored = scoreLogistic(logisticBaselineOf(JSON.parse(JSON.stringify(baseline))), columns);
    (golden.logistic.probabilities as number[]).forEach((probability, i) => {
      expect(Math.abs((scored[i] as number) - probability)).toBeLessThan(2e-3);
    });
    expect([...scoreMajority(baseline, 2)]).toEqual([0.5, 0.5]);
  });

  it('is refused when damaged', () => {
    for (const value of [null, '', {}, { format: 1, plan, weights: [1], majorityShare: 0.5 }]) {
      expect(() => logisticBaselineOf(value)).toThrow(/corrupt/);
    }
  });
});
