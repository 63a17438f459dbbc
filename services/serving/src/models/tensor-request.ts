// A request for a model with named tensors against the model's configuration: names, datatypes, shapes, rows, requested
// outputs, and the parameters that the scheduler knows. Every fault is invalid_argument and names the tensor or
// parameter.

import { PlatformError, rowNumber } from '@millrace/domain';
import {
  firstNullRow,
  hasNulls,
  type InferRequest,
  integerParameter,
  NO_PARAMETERS,
  type Parameters,
  type RequestedOutput,
  type Tensor,
  type TensorSpec,
} from '@millrace/inference';
import type { PaddedDimension } from '../batching/rows.js';
import { ownParametersKey } from '../cache/own-parameters.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { SequenceStep } from '../runtime/tensor-engine.js';

/** Most classes of one classification; more is the whole output. */
const CLASSES_MAX = 1_000_000;
const SEQUENCE_ID_CHARACTERS_MAX = 512;

export interface WantedOutput {
  readonly name: string;
  /** Top-N of the classification extension; 0 = the output itself. */
  readonly classes: number;
}

export interface CheckedTensors {
  /** In the order of the model's configuration; optional ones may lack. */
  readonly inputs: readonly Tensor[];
  /** 1 where the model does not batch. */
  readonly rows: number;
  readonly bytes: number;
  /** Equal for requests that may share a batch. */
  readonly key: string;
  readonly paddings: readonly PaddedDimension[];
}

const ALL_OUTPUTS: readonly WantedOutput[] = [];
const NO_PADDINGS: readonly PaddedDimension[] = [];
/** Their graphs see tensors only, so that requests of different parameters, as of two entities, still share a batch. */
const BLIND_TO_PARAMETERS: ReadonlySet<string> = new Set(['onnxruntime_onnx', 'tensorflow_savedmodel', 'tfjs_layers']);

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

/** dims with the batch dimension in front where the model batches, as metadata states shapes. */
export function fullShape(spec: ModelSpec, dims: readonly number[]): readonly number[] {
  return spec.maxBatchSize > 0 ? [-1, ...dims] : dims;
}

export class TensorRequestReader {
  private readonly inputs: readonly (TensorSpec & { optional: boolean })[];
  private readonly positions = new Map<string, number>();
  private readonly outputs: ReadonlySet<string>;
  private readonly buckets: readonly number[];
  /** Whether requests can differ in shape or in which inputs they bring. */
  private readonly varied: boolean;
  /** Whether requests share engine calls of a model that may read their parameters. */
  private readonly agreeing: boolean;

  constructor(private readonly spec: ModelSpec) {
    this.inputs = spec.inputs.map((input) => ({ ...input, shape: fullShape(spec, input.shape) }));
    this.inputs.forEach(({ name }, i) => {
      this.positions.set(name, i);
    });
    this.outputs = new Set(spec.outputs.map(({ name }) => name));
    this.buckets = spec.maxBatchSize > 0 ? (spec.batching?.paddingBuckets ?? []) : [];
    const batched = spec.maxBatchSize > 0 && spec.batching !== undefined && !spec.sequences && !spec.decoupled;
    this.agreeing = batched && !BLIND_TO_PARAMETERS.has(spec.platform);
    this.varied = spec.inputs.some(({ optional, shape }) => optional || shape.includes(-1));
  }

  read(request: InferRequest): CheckedTensors {
    const { spec } = this;
    const placed = new Array<Tensor | undefined>(this.inputs.length);
    let bytes = 0;
    let rows = -1;
    for (let position = 0; position < request.inputs.length; position++) {
      const tensor = request.inputs[position] as Tensor;
      // Clients keep the order of the metadata mostly: then no look-up is needed.
      const at = this.inputs[position]?.name === tensor.name ? position : this.positions.get(tensor.name);
      if (at === undefined) {
        invalid(`unexpected inference input '${tensor.name.slice(0, 64)}' for model '${spec.name}'`);
      }
      if (placed[at]) invalid(`input '${tensor.name}' is given twice for model '${spec.name}'`);
      this.checkTensor(tensor, this.inputs[at] as TensorSpec);
      placed[at] = tensor;
      bytes += tensor.byteLength;
      if (spec.maxBatchSize === 0) continue;
      const own = tensor.shape[0] as number;
      if (rows !== -1 && own !== rows) {
        invalid(
          `input '${tensor.name}' has ${own} rows, '${request.inputs[0]?.name}' has ${rows}, for model '${spec.name}'`,
        );
      }
      rows = own;
    }
    if (request.inputs.length < this.inputs.length) this.checkMissing(placed, request.inputs);
    if (spec.maxBatchSize > 0 && rows > spec.maxBatchSize) {
      invalid(`inference request batch-size must be <= ${spec.maxBatchSize} for '${spec.name}', it is ${rows}`);
    }
    if (rows === 0) invalid(`inference request batch-size must be >= 1 for '${spec.name}'`);
    const inputs =
      request.inputs.length === placed.length ? (placed as Tensor[]) : placed.filter((tensor) => tensor !== undefined);
    // Only requests of equal own parameters share a call: the engine sees one set of them.
    const own = this.agreeing ? ownParametersKey(request.parameters) : '';
    if (!this.varied) return { inputs, rows: Math.max(1, rows), bytes, key: own, paddings: NO_PADDINGS };
    const { key, paddings } = this.bucketOf(placed);
    return { inputs, rows: Math.max(1, rows), bytes, key: own === '' ? key : key + own, paddings };
  }

  private checkTensor(tensor: Tensor, expected: TensorSpec): void {
    const { name, datatype, shape } = tensor;
    const model = this.spec.name;
    if (hasNulls(tensor)) {
      invalid(
        `input '${name}' row ${rowNumber(firstNullRow(tensor))} is null, and model '${model}' knows no missing values`,
      );
    }
    if (datatype !== expected.datatype) {
      invalid(
        `inference input '${name}' data-type is '${datatype}', but model '${model}' expects '${expected.datatype}'`,
      );
    }
    let fits = shape.length === expected.shape.length;
    for (let i = 0; fits && i < shape.length; i++) {
      const size = expected.shape[i] as number;
      fits = size === -1 || size === shape[i];
    }
    if (!fits) {
      const [wanted, got] = [expected.shape.join(','), shape.join(',')];
      invalid(`unexpected shape for input '${name}' for model '${model}'. Expected [${wanted}], got [${got}]`);
    }
  }

  private checkMissing(placed: readonly (Tensor | undefined)[], given: readonly Tensor[]): void {
    const missing = this.inputs.filter(({ optional }, i) => !optional && !placed[i]).map(({ name }) => `'${name}'`);
    if (missing.length === 0 && (given.length > 0 || this.inputs.length === 0)) return;
    const got = given.map(({ name }) => `'${name}'`).join(',');
    invalid(
      `expected ${this.inputs.length} inputs but got ${given.length} inputs for model '${this.spec.name}'. ` +
        `Got input(s) [${got}], but missing required input(s) [${missing.join(',')}]. Please provide all required input(s).`,
    );
  }

  /** Text of the variable sizes after padding, and what was padded. */
  private bucketOf(placed: readonly (Tensor | undefined)[]): { key: string; paddings: readonly PaddedDimension[] } {
    let key = '';
    let paddings: PaddedDimension[] | undefined;
    const firstAxis = this.spec.maxBatchSize > 0 ? 1 : 0;
    for (let i = 0; i < placed.length; i++) {
      const tensor = placed[i];
      key += ';';
      if (!tensor) {
        key += '-';
        continue;
      }
      const declared = (this.inputs[i] as TensorSpec).shape;
      for (let axis = firstAxis; axis < declared.length; axis++) {
        if (declared[axis] !== -1) continue;
        const own = tensor.shape[axis] as number;
        const padded = this.buckets.find((size) => size >= own) ?? own;
        key += `${padded},`;
        if (this.buckets.length > 0) {
          paddings ??= [];
          paddings.push({ axis, own, padded });
        }
      }
    }
    return { key, paddings: paddings ?? NO_PADDINGS };
  }

  /** Shape of one row of `tensor` in its bucket. */
  paddedRow(tensor: Tensor): readonly number[] {
    if (this.buckets.length === 0) return tensor.shape.slice(1);
    const declared = (this.inputs[this.positions.get(tensor.name) as number] as TensorSpec).shape;
    return tensor.shape
      .slice(1)
      .map((own, i) => (declared[i + 1] === -1 ? (this.buckets.find((size) => size >= own) ?? own) : own));
  }

  /** Empty = all. */
  wanted(requested: readonly RequestedOutput[]): readonly WantedOutput[] {
    if (requested.length === 0) return ALL_OUTPUTS;
    const wanted: WantedOutput[] = [];
    for (const { name, parameters } of requested) {
      if (!this.outputs.has(name)) {
        invalid(`unexpected inference output '${name.slice(0, 64)}' for model '${this.spec.name}'`);
      }
      if (wanted.some((one) => one.name === name)) continue;
      const classes = integerParameter(parameters, 'classification') ?? 0;
      if (classes < 0 || classes > CLASSES_MAX) {
        invalid(`classification of output '${name}' asks for ${classes} classes, expected 0 to ${CLASSES_MAX}`);
      }
      wanted.push({ name, classes });
    }
    return wanted;
  }
}

function flag(parameters: Parameters, name: string): boolean {
  const value = parameters[name] ?? false;
  if (typeof value !== 'boolean') invalid(`parameter '${name}' must be true or false`);
  return value;
}

/** undefined where the request names no sequence (sequence_id missing, 0 or ''). */
export function sequenceOf(parameters: Parameters): SequenceStep | undefined {
  if (parameters === NO_PARAMETERS) return undefined;
  const given = parameters.sequence_id ?? '';
  if (typeof given === 'boolean' || (typeof given === 'number' && !Number.isSafeInteger(given))) {
    invalid(`parameter 'sequence_id' must be an integer or a text`);
  }
  const id = String(given);
  if (id === '' || id === '0') return undefined;
  if (id.length > SEQUENCE_ID_CHARACTERS_MAX) {
    invalid(`parameter 'sequence_id' has ${id.length} characters, at most ${SEQUENCE_ID_CHARACTERS_MAX} are allowed`);
  }
  return { id, start: flag(parameters, 'sequence_start'), end: flag(parameters, 'sequence_end') };
}
