// The model repository that Millrace serves in the bench, in Triton's layout: the network as ONNX, and the example
// modules `identity` and `delay` under the configurations that the rows need.

import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkOnnx, SIZES } from './network.js';

/** Milliseconds that a call of a "fixed cost" model waits, however many rows it has. */
export const FIXED_COST_MS = 5;
/** Milliseconds for which the slow neighbour holds its thread. */
export const SLOW_MS = 20;

const tensors = (input: [string, number], output: [string, number]) =>
  `input [ { name: "${input[0]}" data_type: TYPE_FP32 dims: [ ${input[1]} ] } ]\n` +
  `output [ { name: "${output[0]}" data_type: TYPE_FP32 dims: [ ${output[1]} ] } ]\n`;

const parameter = (key: string, value: number | string) =>
  `parameters { key: "${key}" value: { string_value: "${value}" } }\n`;

interface ModuleModel {
  name: string;
  example: 'identity' | 'delay';
  batching: boolean;
  /** Engine processes; 0 = inside the process that speaks the wire. */
  engines: number;
  parameters?: Readonly<Record<string, number>>;
}

const MODULES: readonly ModuleModel[] = [
  { name: 'identity', example: 'identity', batching: false, engines: 0 },
  { name: 'slow', example: 'delay', batching: false, engines: 1, parameters: { delay_ms: 0, busy_ms: SLOW_MS } },
  { name: 'batching_on', example: 'delay', batching: true, engines: 1, parameters: { delay_ms: FIXED_COST_MS } },
  { name: 'batching_off', example: 'delay', batching: false, engines: 1, parameters: { delay_ms: FIXED_COST_MS } },
  { name: 'one_engine', example: 'delay', batching: false, engines: 1, parameters: { delay_ms: FIXED_COST_MS } },
  { name: 'two_engines', example: 'delay', batching: false, engines: 2, parameters: { delay_ms: FIXED_COST_MS } },
];

function place(repository: string, name: string, config: string): string {
  const folder = join(repository, name, '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(repository, name, 'config.pbtxt'), `name: "${name}"\n${config}`);
  return folder;
}

/** Writes the repository; `root` is the clone. */
export function writeRepository(root: string, repository: string): void {
  const network = place(
    repository,
    'mlp',
    `backend: "onnxruntime"\nmax_batch_size: 64\ndynamic_batching { }\n${tensors(['x', SIZES[0]], ['probability', 1])}`,
  );
  writeFileSync(join(network, 'model.onnx'), networkOnnx());
  for (const { name, example, batching, engines, parameters = {} } of MODULES) {
    const folder = place(
      repository,
      name,
      `backend: "typescript"\nmax_batch_size: 64\n${batching ? 'dynamic_batching { }\n' : ''}` +
        (engines > 0 ? `instance_group [ { kind: KIND_CPU count: ${engines} } ]\n` : parameter('engine', 'inside')) +
        tensors(['INPUT0', -1], ['OUTPUT0', -1]) +
        Object.entries(parameters)
          .map(([key, value]) => parameter(key, value))
          .join(''),
    );
    copyFileSync(join(root, 'examples/model-repository', example, '1/model.ts'), join(folder, 'model.ts'));
  }
}
