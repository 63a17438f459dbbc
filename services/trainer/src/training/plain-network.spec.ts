import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { encodeRows, fitPlan } from '@millrace/features';
import { buildNetwork, forward, type NetworkSpec } from '@millrace/models';
import { parseProject, planOf } from '@millrace/project';
import { gatherBatch } from './batch.js';
import { isPlainWork, PlainNetwork } from './plain-network.js';

const ROWS = 40;

function networkOf(spec: NetworkSpec, embedding: number) {
  const text = `name: p
data:
  columns:
    - { name: x, type: number }
    - { name: h, type: number }
    - { name: kind, type: text }
    - { name: place, type: text }
    - { name: y, type: number, outcome: true }
  label: { name: y, column: y }
features:
  - { name: x, kind: numeric }
  - { name: h, kind: numeric, period: 24 }
  - { name: kind, kind: categorical }
  - { name: place, kind: categorical, embedding: ${embedding} }
`;
  const parsed = parseProject(text, 'p');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const rng = seededRng(5);
  const column = (value: () => number | string) => Array.from({ length: ROWS }, value);
  const columns = {
    x: column(() => rng.next() * 3 - 1),
    h: column(() => Math.floor(rng.next() * 24)),
    kind: column(() => `k${Math.floor(rng.next() * 3)}`),
    place: column(() => `p${Math.floor(rng.next() * 4)}`),
  };
  const { plan } = fitPlan(planOf(parsed.project), columns);
  const network = buildNetwork(plan, spec);
  const data = {
    width: plan.width,
    values: encodeRows(plan, columns),
    labels: Float32Array.from({ length: ROWS }, () => Number(rng.next() < 0.4)),
  };
  const weights = Float32Array.from({ length: network.size }, () => rng.next() - 0.5);
  return {
    network,
    data,
    weights,
    batch: gatherBatch(
      network,
      data,
      Uint32Array.from({ length: ROWS }, (_, i) => i),
    ),
  };
}

describe('a network in TypeScript', () => {
  it.each([
    ['with two hidden layers and embeddings', { kind: 'mlp', hidden: [6, 5], activation: 'tanh' }, 3],
    ['with one of relus', { kind: 'mlp', hidden: [8], activation: 'relu' }, 0],
    ['without a hidden layer', { kind: 'mlp', hidden: [], activation: 'relu' }, 2],
    ['that is a regression', { kind: 'logistic', hidden: [], activation: 'relu' }, 0],
  ] as [string, NetworkSpec, number][])(
    '%s has the losses of the reference, and their slopes',
    (_what, spec, width) => {
      const { network, data, weights, batch } = networkOf(spec, width);
      const engine = new PlainNetwork(network, weights);
      const losses = engine.losses(batch);
      forward(network, weights, data.values).forEach((probability, row) => {
        const right = data.labels[row] === 1 ? probability : 1 - probability;
        expect(losses[row]).toBeCloseTo(-Math.log(right), 5);
      });
      const gradient = new Float32Array(network.size);
      const loss = engine.gradient(batch, gradient);
      expect(loss).toBeCloseTo(
        [...losses].reduce((a, b) => a + b, 0),
        3,
      );
      const summed = (changed: Float32Array): number => {
        engine.assign(changed);
        return engine.gradient(batch, new Float32Array(network.size));
      };
      for (let i = 0; i < network.size; i++) {
        const [up, down] = [weights.slice(), weights.slice()];
        up[i] = (weights[i] as number) + 1e-3;
        down[i] = (weights[i] as number) - 1e-3;
        const step = (up[i] as number) - (down[i] as number);
        expect(gradient[i]).toBeCloseTo((summed(up) - summed(down)) / step, 1);
      }
    },
  );

  it('is for steps of little work, without dropout', () => {
    const { network } = networkOf({ kind: 'mlp', hidden: [64, 32], activation: 'relu' }, 0);
    expect(isPlainWork(network, 64, 0)).toBe(true);
    expect(isPlainWork(network, 64, 0.1)).toBe(false);
    expect(isPlainWork(network, 2_048, 0)).toBe(false);
  });
});
