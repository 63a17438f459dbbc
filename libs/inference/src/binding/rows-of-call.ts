// The inverse of a binding, for a server elsewhere that is watched: what its clients' tensors and its answers are as
// rows of a project's columns and outputs. Tensors stay views until the rows are read; reading is one pass.

import { type Output, PlatformError, type Scalar, type Task } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { Tensor } from '../tensor.js';
import { type Binding, type BoundInput, rowWidth } from './binding.js';
import { scoresOfAnswer } from './bound-answers.js';

/** A longer text counts by its beginning: what is watched is how often values come, and each waits in memory. */
const TEXT_CHARACTERS_MAX = 256;

interface BoundSignature {
  readonly binding: Binding;
  /** The model's inputs in the order in which predictions carry them. */
  readonly inputs: readonly SignatureInput[];
  readonly task: Task;
}

/** Where the value of an input stands. */
interface Place {
  bound: number;
  width: number;
  at: number;
  isFlag: boolean;
}

export class RowsOfCall {
  /** undefined: no tensor brings the input. */
  private readonly places: readonly (Place | undefined)[];

  constructor(private readonly signature: BoundSignature) {
    const { binding, inputs } = signature;
    this.places = inputs.map(({ name, type }) => {
      const bound = binding.inputs.findIndex(({ columns }) => columns.includes(name));
      const input = binding.inputs[bound];
      if (input === undefined) return undefined;
      return { bound, width: rowWidth(input.shape), at: input.columns.indexOf(name), isFlag: type === 'boolean' };
    });
  }

  /** Rows of a call; throws invalid_argument where the tensors of the request are not as they are bound. */
  count(inputs: readonly Tensor[]): number {
    let known: { tensor: string; rows: number } | undefined;
    for (const bound of this.signature.binding.inputs) {
      const rows = boundTensor(bound, inputs).count / rowWidth(bound.shape);
      if (known !== undefined && known.rows !== rows) {
        const { tensor } = known;
        throw new PlatformError(
          'invalid_argument',
          `input tensor '${tensor}' has ${known.rows} rows, '${bound.tensor}' ${rows}`,
        );
      }
      known = { tensor: bound.tensor, rows };
    }
    return known?.rows ?? 0;
  }

  features(inputs: readonly Tensor[], rows: number): Scalar[][] {
    const tensors = this.signature.binding.inputs.map((bound) => boundTensor(bound, inputs));
    const texts = tensors.map((tensor) => (tensor.datatype === 'BYTES' ? tensor.toValues() : undefined));
    return Array.from({ length: rows }, (_, row) =>
      this.places.map((place): Scalar => {
        if (place === undefined) return null;
        const index = row * place.width + place.at;
        const tensor = tensors[place.bound] as Tensor;
        const text = texts[place.bound]?.[index];
        if (text !== undefined) return String(text).slice(0, TEXT_CHARACTERS_MAX) || null;
        const value = tensor.number(index);
        if (!Number.isFinite(value)) return null;
        return place.isFlag ? value !== 0 : value;
      }),
    );
  }

  /** Throws `corrupt` where the answer is not as it is bound, or a row's number is none of the task's. */
  outputs(answer: readonly Tensor[], rows: number): Output[][] {
    const { binding, task } = this.signature;
    return Array.from(scoresOfAnswer(binding, task, answer, rows), (score) => task.outputsOf(score));
  }
}

function boundTensor(bound: BoundInput, tensors: readonly Tensor[]): Tensor {
  const tensor = tensors.find(({ name }) => name === bound.tensor);
  if (tensor === undefined) throw new PlatformError('invalid_argument', `no input tensor '${bound.tensor}'`);
  const isText = tensor.datatype === 'BYTES';
  if (tensor.count % rowWidth(bound.shape) !== 0 || isText !== (bound.datatype === 'BYTES')) {
    const row = bound.shape.map((size) => `,${size}`).join('');
    const came = `${tensor.datatype} [${tensor.shape.join(',')}]`;
    throw new PlatformError(
      'invalid_argument',
      `input tensor '${bound.tensor}' came as ${came}, bound as ${bound.datatype} [N${row}]`,
    );
  }
  return tensor;
}
