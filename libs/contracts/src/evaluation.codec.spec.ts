// What codecs.spec.ts cannot show with bytes of v0.1: metrics without a field of their own, slices, stated baselines,
// and metrics that were not measured at all.

import { expect, it } from '@jest/globals';
import { evaluationFromWire, evaluationToWire } from './evaluation.codec.js';
import { decodeModelVersion, encodeModelVersion, type ModelVersion } from './model-version.codec.js';

const evaluation = {
  rows: 50,
  metrics: { auc: 0.7, log_loss: 0.5, accuracy: 0.8, brier: 0.15, calibration: Number.NaN },
  positiveShare: 0.2,
  meanScore: 0.21,
  eventTimeFromMs: 1,
  eventTimeToMs: 2,
};

const model: ModelVersion = {
  project: 'demo',
  version: 2,
  packagePath: 'models/demo/2',
  modelSha256: 'aa',
  packageSha256: 'bb',
  blessed: true,
  reasons: [],
  verdict: 'version 2 is blessed: AUC 0.7000',
  warnings: ['feature "size" is left out'],
  evaluation,
  championEvaluation: undefined,
  championVersion: 0,
  baselines: [{ name: 'dispatchers', kind: 'human', evaluation: undefined, value: 0 }],
  slices: [{ column: 'origin', value: 'ORD', evaluation }],
  datasetVersions: [],
  trainingId: 't-1',
  workers: 2,
  seed: 7,
  createdAtMs: 5,
  correlationId: '',
  trainRows: 5000,
  trainSeconds: 3.5,
  origin: 'trained',
  labelRule: '',
};

it('a model version comes back with every metric, slice and stated baseline', () => {
  expect(decodeModelVersion(encodeModelVersion(model))).toEqual(model);
});

it('a metric that was not measured is not there, which is not 0', () => {
  const mae = { ...evaluation, metrics: { mae: 3.5, auc: 0 } };
  const wire = evaluationToWire(mae);
  expect(wire).toMatchObject({ auc: 0, logLoss: undefined, metrics: { mae: 3.5 } });
  expect(evaluationFromWire(wire)).toEqual(mae);
  const back = decodeModelVersion(encodeModelVersion({ ...model, evaluation: mae }));
  expect(back.evaluation?.metrics).toEqual({ mae: 3.5, auc: 0 });
});
