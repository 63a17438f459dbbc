// A complete model package on disk, as the trainer would write it, around the hand-made ONNX model.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FittedPlan, NumericStep } from '@millrace/features';
import { type MlpWeights, mlpWeights, onnxOf } from './onnx-fixture.js';

const numeric = (input: string, at: number): NumericStep => ({
  kind: 'numeric',
  input,
  at,
  scaling: 'none',
  offset: 0.5,
  scale: 2,
  fill: 0.25,
});

/** distance (number), hour (integer, derived), origin (text), flag (boolean). */
export const PLAN: FittedPlan = {
  format: 2,
  inputs: [
    { name: 'distance', type: 'number' },
    { name: 'hour', type: 'integer' },
    { name: 'origin', type: 'text' },
    { name: 'flag', type: 'boolean' },
  ],
  steps: [
    numeric('distance', 0),
    { ...numeric('hour', 1), scale: 0.1 },
    { kind: 'categorical', input: 'origin', at: 2, vocabulary: ['JFK', 'LAX', 'ORD'], embedding: 0 },
    numeric('flag', 3),
  ],
  width: 4,
  rows: 1000,
};

/** The canonical project document that belongs to PLAN: hour is derived from the event time. */
export const projectOf = (name: string) => ({
  name,
  data: {
    entity: 'origin',
    eventTime: 'at',
    columns: [
      { name: 'at', type: 'timestamp', required: true },
      { name: 'distance', type: 'number' },
      { name: 'hour', type: 'integer', derive: { from: 'at', part: 'hour' } },
      { name: 'origin', type: 'text', required: true },
      { name: 'flag', type: 'boolean' },
      { name: 'late', type: 'boolean', outcome: true },
    ],
    label: { name: 'late', column: 'late' },
  },
  features: [
    { name: 'distance', kind: 'numeric' },
    { name: 'hour', kind: 'numeric' },
    { name: 'origin', kind: 'categorical' },
    { name: 'flag', kind: 'categorical' },
  ],
});

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');

export interface FixturePackage {
  weights: MlpWeights;
  folder: string;
}

/** Writes `<home>/artifacts/models/<project>/<version>/`. */
export function writePackage(
  home: string,
  project: string,
  version: number,
  seed = version,
  plan = PLAN,
  hidden = [8],
): FixturePackage {
  const weights = mlpWeights(plan.width, hidden, seed);
  const model = onnxOf(weights);
  const features = JSON.stringify(plan);
  const files = { 'features.json': sha256(features), 'model.onnx': sha256(model) };
  const folder = join(home, 'artifacts', 'models', project, String(version));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'features.json'), features);
  writeFileSync(join(folder, 'model.onnx'), model);
  writeFileSync(
    join(folder, 'manifest.json'),
    JSON.stringify({
      project,
      version,
      task: 'binary',
      signature: {
        inputs: plan.inputs,
        outputs: [
          { name: 'probability', type: 'FP32' },
          { name: 'label', type: 'BYTES' },
        ],
      },
      modelSha256: sha256(features + model.toString('hex')),
      packageSha256: sha256(
        Object.entries(files)
          .map(([path, hash]) => `${path} ${hash}\n`)
          .join(''),
      ),
      files,
    }),
  );
  return { weights, folder };
}
