// The bench's network as a package of the platform: eight numeric columns, a feature plan that changes nothing, the
// ONNX model, and the manifest that names their hashes; with the route that serves it. Packages are what the prediction
// log covers, so this is the figure with everything on.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeRoute } from '@millrace/contracts';
import type { FittedPlan } from '@millrace/features';
import { encodeInferRequest, Tensor } from '@millrace/inference';
import { type KafkaConnection, MessageProducer } from '@millrace/kafka';
import { emptyRoute } from '@millrace/routing';
import { networkOnnx } from './network.js';
import { ROW } from './requests.js';

export const PACKAGE = 'columns';
const COLUMNS = [...ROW.keys()].map((i) => `x${i}`);

const PLAN: FittedPlan = {
  format: 2,
  inputs: COLUMNS.map((name) => ({ name, type: 'number' })),
  steps: COLUMNS.map((input, at) => ({ kind: 'numeric', input, at, scaling: 'none', offset: 0, scale: 1, fill: 0 })),
  width: COLUMNS.length,
  rows: 1,
};

const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Writes a version into the artifact store of `home`. */
export function writePackage(home: string, version = 1): void {
  const model = networkOnnx();
  const features = JSON.stringify(PLAN);
  const files = { 'features.json': sha256(features), 'model.onnx': sha256(model) };
  const folder = join(home, 'artifacts/models', PACKAGE, String(version));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'features.json'), features);
  writeFileSync(join(folder, 'model.onnx'), model);
  const manifest = {
    project: PACKAGE,
    version,
    task: 'binary',
    signature: {
      inputs: PLAN.inputs,
      outputs: [
        { name: 'probability', type: 'FP32' },
        { name: 'label', type: 'BYTES' },
      ],
    },
    modelSha256: sha256(model),
    packageSha256: sha256(
      Object.entries(files)
        .map(([path, hash]) => `${path} ${hash}\n`)
        .join(''),
    ),
    files,
  };
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
}

/** Publishes the route as the router would. */
export async function routePackage(connection: KafkaConnection): Promise<void> {
  const producer = new MessageProducer(connection);
  const value = encodeRoute({
    ...emptyRoute(PACKAGE),
    revision: 1,
    targets: [{ version: 1, weight: 100, name: 'blue' }],
    loadedVersions: [1],
  });
  await producer.send('routes.v1', [{ key: PACKAGE, value }]);
  await producer.close(1000);
}

/** The same row as eight FP64 columns. */
export function packageRequest(): Buffer {
  return Buffer.from(
    encodeInferRequest({
      modelName: PACKAGE,
      modelVersion: '',
      id: '',
      parameters: {},
      inputs: COLUMNS.map((name, i) => Tensor.of(name, 'FP64', [1], Float64Array.of(ROW[i] as number))),
      outputs: [],
    }),
  );
}
