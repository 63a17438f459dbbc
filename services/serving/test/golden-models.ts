// The models of test/models with what the libraries that made them answer (golden.json, made by make_models.py), and
// how close an engine must come.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Datatype, type ElementValue, NO_PARAMETERS, Tensor } from '@millrace/inference';
import { cloneRoot } from '@millrace/testing';
import type { ModelSource, TensorEngine } from '../src/runtime/tensor-engine.js';
import { tensorRuntimeFor } from '../src/runtime/tensor-runtimes.fs.js';

interface GoldenTensor {
  name: string;
  datatype: Datatype;
  shape: readonly number[];
  values: readonly (number | string | boolean)[];
}

export interface GoldenCase {
  parameters: Readonly<Record<string, string>>;
  inputs: readonly GoldenTensor[];
  outputs: readonly GoldenTensor[];
}

const FOLDER = join(cloneRoot(), 'services/serving/test/models');
/** Relative to the larger of 1 and the value; integers, texts and sums that need no rounding must be equal. */
const TOLERANCE: Partial<Record<Datatype, number>> = { FP32: 1e-5 };

export function goldenModels(): Readonly<Record<string, readonly GoldenCase[]>> {
  return JSON.parse(readFileSync(join(FOLDER, 'golden.json'), 'utf8')).models;
}

export function goldenSource(name: string, parameters: GoldenCase['parameters']): ModelSource {
  return { name, version: 1, folder: join(FOLDER, name, '1'), parameters, gpu: undefined, batched: true };
}

export function goldenRuntime(name: string) {
  return tensorRuntimeFor({ name, backend: '', platform: '', folder: goldenSource(name, {}).folder });
}

function elementOf({ datatype }: GoldenTensor, value: number | string | boolean): ElementValue {
  if (datatype === 'INT64' || datatype === 'UINT64') return BigInt(value);
  // JSON has no infinity: it is written as a text.
  return datatype.startsWith('FP') || datatype === 'BF16' ? Number(value) : value;
}

export function tensorOf(golden: GoldenTensor): Tensor {
  const { name, datatype, shape, values } = golden;
  return Tensor.of(
    name,
    datatype,
    shape,
    values.map((value) => elementOf(golden, value)),
  );
}

function apart(expected: Tensor, got: Tensor | undefined): string[] {
  const { name, datatype, shape } = expected;
  if (!got) return [`no output '${name}'`];
  if (got.datatype !== datatype || String(got.shape) !== String(shape)) {
    return [`'${name}' is ${got.datatype} [${got.shape}], expected ${datatype} [${shape}]`];
  }
  const values = got.toValues();
  const tolerance = TOLERANCE[datatype] ?? 0;
  const wrong = expected.toValues().findIndex((value, i) => {
    const found = values[i];
    if (tolerance === 0 || typeof value !== 'number' || typeof found !== 'number') return !Object.is(value, found);
    return !(Math.abs(value - found) <= tolerance * Math.max(1, Math.abs(value))) && value !== found;
  });
  return wrong < 0 ? [] : [`'${name}' [${wrong}] is ${values[wrong]}, expected ${expected.toValues()[wrong]}`];
}

/** What differs; empty = all as it should be. */
export async function differences(engine: TensorEngine, golden: GoldenCase): Promise<string[]> {
  const call = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
  const answer = await engine.run(golden.inputs.map(tensorOf), call);
  return golden.outputs.flatMap((output) =>
    apart(
      tensorOf(output),
      answer.find(({ name }) => name === output.name),
    ),
  );
}
