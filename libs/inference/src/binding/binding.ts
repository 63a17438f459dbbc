// How a project's columns are the tensors of a model that Millrace did not train: binding.json of a bound model's
// package. Here: the type, and a binding read back from its text. Not here: how one is found (binding-for), how rows
// become tensors (bound-rows) and answers outputs (bound-answers).

import { PlatformError } from '@millrace/domain';
import { type Datatype, isDatatype } from '../datatype.js';

export interface BoundInput {
  readonly tensor: string;
  readonly datatype: Datatype;
  /** Of one row, without the batch dimension: [] or [1] for one column, [k] for k columns. */
  readonly shape: readonly number[];
  /** In the order in which their values stand in a row of the tensor. */
  readonly columns: readonly string[];
}

export interface BoundOutput {
  /** Name of an output of the project's task. */
  readonly output: string;
  readonly tensor: string;
  readonly datatype: Datatype;
  /** Of one row, without the batch dimension. */
  readonly shape: readonly number[];
  /** Element of a row of the tensor; 0 where it has one. */
  readonly index: number;
  /**
   * value: taken as it is. logit: through the logistic function where a row of the tensor has one element, through the
   * softmax over the row's elements where it has several.
   */
  readonly of: 'value' | 'logit';
}

/** A V2 server elsewhere that answers, and what it calls the model. */
export interface BoundUpstream {
  /** host:port of its gRPC endpoint. */
  readonly address: string;
  readonly model: string;
  /** Empty: the server's own choice. */
  readonly version: string;
}

export interface Binding {
  /** In the model's order. */
  readonly inputs: readonly BoundInput[];
  readonly outputs: readonly BoundOutput[];
  /** Absent: the model lies in the package. */
  readonly upstream?: BoundUpstream;
}

/** The columns that the model sees, each once, in the order of its tensors. */
export function boundColumns({ inputs }: Binding): string[] {
  return [...new Set(inputs.flatMap((input) => input.columns))];
}

/** Values in one row of a tensor of this shape. */
export function rowWidth(shape: readonly number[]): number {
  return shape.reduce((width, size) => width * size, 1);
}

/** Throws `corrupt` where the text is no binding. */
export function parseBinding(text: string): Binding {
  let read: Partial<Binding> | null;
  try {
    read = JSON.parse(text) as Partial<Binding> | null;
  } catch (error) {
    throw new PlatformError('corrupt', 'binding: not JSON', { cause: error });
  }
  if (!Array.isArray(read?.inputs) || !Array.isArray(read.outputs)) throw corrupt('inputs or outputs are not there');
  for (const input of read.inputs) {
    checkTensor(input);
    if (!isTexts(input.columns) || input.columns.length !== rowWidth(input.shape)) {
      throw corrupt(`tensor '${input.tensor}' has not one column for each value of a row`);
    }
  }
  for (const output of read.outputs) {
    checkTensor(output);
    if (typeof output.output !== 'string' || (output.of !== 'value' && output.of !== 'logit')) {
      throw corrupt(`what is read from tensor '${output.tensor}' is not said`);
    }
    if (!Number.isInteger(output.index) || output.index < 0 || output.index >= rowWidth(output.shape)) {
      throw corrupt(`tensor '${output.tensor}' has no element ${output.index}`);
    }
  }
  const { upstream } = read;
  if (upstream !== undefined && !isTexts([upstream?.address, upstream?.model, upstream?.version])) {
    throw corrupt('bad upstream');
  }
  return read as Binding;
}

function checkTensor(bound: Partial<BoundInput> | null): void {
  if (typeof bound?.tensor !== 'string' || !isDatatype(bound.datatype ?? ''))
    throw corrupt('a tensor has no name or type');
  const sized = Array.isArray(bound.shape) && bound.shape.every((size) => Number.isInteger(size) && size >= 1);
  if (!sized) throw corrupt(`tensor '${bound.tensor}' has a bad shape`);
}

function isTexts(values: unknown): values is readonly string[] {
  return Array.isArray(values) && values.every((value) => typeof value === 'string');
}

function corrupt(what: string): PlatformError {
  return new PlatformError('corrupt', `binding: ${what}`);
}
