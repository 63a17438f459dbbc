// Real worker processes: the gradient of N is the gradient of one, lost workers cost no more than the steps since the
// last checkpoint, and the same data, seed and number of workers give the same bits.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { evaluate } from '@millrace/evaluation';
import { forward, type Network } from '@millrace/models';
import { layersModel } from '../src/packaging/layers-model.js';
import { onnxGraph } from '../src/packaging/onnx-graph.js';
import { encodeOnnxModel } from '../src/packaging/onnx-model.codec.js';
import { checkParity } from '../src/packaging/parity.js';
import { problem, scoreOnnxApart, sha256Of, tensorCounts, trainSpec, WorkerGroup } from './worker-group.js';

let group: WorkerGroup;

beforeAll(async () => {
  group = await WorkerGroup.start(3);
}, 120_000);

afterAll(() => group?.stop());

/** Largest |difference| over the largest |value|, for each parameter. */
function relativeDifferences(network: Network, a: Float32Array, b: Float32Array): Record<string, number> {
  return Object.fromEntries(
    network.parameters.map(({ name, start, size }) => {
      let difference = 0;
      let largest = 0;
      for (let i = start; i < start + size; i++) {
        difference = Math.max(difference, Math.abs((a[i] as number) - (b[i] as number)));
        largest = Math.max(largest, Math.abs(a[i] as number));
      }
      return [name, largest === 0 ? difference : difference / largest];
    }),
  );
}

describe('the summed gradient', () => {
  it.each([
    // 101 rows split unevenly; 2 rows leave the third worker without any.
    ['2 workers', 2, 101],
    ['3 workers', 3, 101],
    ['3 workers, one without rows', 3, 2],
  ])(
    'of %s equals that of one process on the whole batch',
    async (_name, workers, batchRows) => {
      const task = problem(500, 1);
      const spec = (name: string) => ({
        ...trainSpec(group.files, name, task, { batchRows }),
        kind: 'gradient' as const,
      });
      const one = await group.run(`one-${workers}-${batchRows}`, 1, spec(`g1-${workers}-${batchRows}`));
      const many = await group.run(`many-${workers}-${batchRows}`, workers, spec(`g-${workers}-${batchRows}`));
      expect(many.workers).toBe(workers);
      const { size } = task.network;
      expect(many.values[size + 1]).toBe(batchRows);
      expect(many.values[size]).toBeCloseTo(one.values[size] as number, 3);
      for (const [name, difference] of Object.entries(relativeDifferences(task.network, one.values, many.values))) {
        expect({ name, within: difference <= 1e-5, difference }).toMatchObject({ name, within: true });
      }
    },
    60_000,
  );

  it('matches finite differences of the plain forward pass', async () => {
    const task = problem(200, 2);
    const spec = { ...trainSpec(group.files, 'finite', task, { batchRows: 200 }), kind: 'gradient' as const };
    const { values } = await group.run('finite', 2, spec);
    const loss = (weights: Float32Array) => {
      const p = forward(task.network, weights, task.data.values);
      return p.reduce((sum, q, i) => sum - (task.data.labels[i] === 1 ? Math.log(q) : Math.log1p(-q)), 0);
    };
    for (const { start, size } of task.network.parameters) {
      for (const i of [start, start + Math.floor(size / 2)]) {
        const h = 1e-3;
        const up = task.initial.slice();
        const down = task.initial.slice();
        up[i] = (up[i] as number) + h;
        down[i] = (down[i] as number) - h;
        const numeric = (loss(up) - loss(down)) / ((up[i] as number) - (down[i] as number));
        expect(Math.abs(numeric - (values[i] as number))).toBeLessThan(0.02 * Math.max(1, Math.abs(numeric)));
      }
    }
  }, 60_000);
});

describe('training', () => {
  it('learns, gives the same bits again, and the same model in ONNX Runtime, tfjs and plain TypeScript', async () => {
    const task = problem(4_000, 3);
    const first = await group.run('same-1', 2, trainSpec(group.files, 'same-1', task, { epochs: 6 }));
    const second = await group.run('same-2', 2, trainSpec(group.files, 'same-2', task, { epochs: 6 }));
    expect(sha256Of(second.values)).toBe(sha256Of(first.values));
    const plain = forward(task.network, first.values, task.data.values);
    expect(evaluate('binary', { labels: task.data.labels, scores: plain }).metrics.auc).toBeGreaterThan(0.75);

    const onnx = await scoreOnnxApart(
      group.files,
      'trainings/layers',
      encodeOnnxModel(onnxGraph(task.network, first.values), 'test'),
      task.data,
    );
    expect(checkParity(onnx, plain)).toBeLessThan(1e-5);
    const { modelJson, weights } = layersModel(task.network, first.values);
    group.files.write('trainings/layers/model.json', Buffer.from(modelJson));
    group.files.write('trainings/layers/weights.bin', weights);
    const data = group.files.writeData('trainings/layers/rows.bin', task.data);
    const resultPath = 'trainings/layers/scores.bin';
    const scored = await group.run('layers', 1, {
      kind: 'score',
      data,
      model: 'trainings/layers/model.json',
      resultPath,
    });
    expect(scored.values.length).toBe(4_000);
    expect(checkParity(onnx, scored.values)).toBeLessThan(1e-5);
  }, 120_000);

  it('resumed from a checkpoint ends with the same bits as one that was never interrupted', async () => {
    const task = problem(2_000, 4);
    const whole = await group.run('whole', 2, trainSpec(group.files, 'whole', task));
    // The checkpoints of the whole run stand for those of a run that was killed after its last one.
    const resumed = trainSpec(group.files, 'whole', task, { resultPath: 'trainings/whole/resumed.bin' });
    expect(group.files.latestCheckpoint(resumed.checkpoint.folder)?.step).toBeGreaterThan(0);
    const again = await group.run('resumed', 2, resumed);
    expect(sha256Of(again.values)).toBe(sha256Of(whole.values));
  }, 60_000);

  it('goes on after kill -9 of a worker, with the same bits once it is back', async () => {
    const task = problem(4_000, 5);
    const settings = { epochs: 8 };
    const whole = await group.run('calm', 3, trainSpec(group.files, 'calm', task, settings));
    let killedAt = 0;
    let resumedAt = 0;
    const outcome = await group.run('killed', 3, trainSpec(group.files, 'killed', task, settings), (step) => {
      if (killedAt > 0) resumedAt ||= step;
      if (killedAt > 0 || step < 40) return;
      killedAt = step;
      group.kill('w1');
      group.startWorker('w1');
    });
    expect(killedAt).toBeGreaterThan(0);
    expect(outcome).toMatchObject({ workers: 3, generations: 2 });
    // From a checkpoint, not from the beginning.
    expect(resumedAt).toBeGreaterThan(10);
    expect(sha256Of(outcome.values)).toBe(sha256Of(whole.values));
  }, 120_000);

  it('holds as many tensors after thirty steps as after one, and none at the end', () => {
    const task = problem(64, 8);
    const { counts, after } = tensorCounts(group.files, task, 30);
    expect(new Set(counts)).toEqual(new Set([task.network.parameters.length]));
    expect(after).toBe(0);
  }, 60_000);

  it('refuses what no worker can do, without trying again', async () => {
    const task = problem(100, 6);
    const spec = trainSpec(group.files, 'wrong', task);
    group.files.write(spec.data.path, Buffer.alloc(8));
    await expect(group.run('wrong', 2, spec)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(group.run('kind', 1, { ...spec, kind: 'dance' as 'train' })).rejects.toMatchObject({
      code: 'unimplemented',
    });
  }, 60_000);
});
