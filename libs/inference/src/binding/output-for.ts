// Finds where a model's answer holds the number that the project's task asks for. Of a binary task: the last element of
// a row of one or two floating-point numbers. Where a name says that it is a logit, it is taken as one; nothing else
// tells probabilities from logits before rows are answered, so the sentence says what was taken.

import { PlatformError, type Task } from '@millrace/domain';
import type { TensorSpec } from '../metadata.js';
import { FLOATS } from '../nulls.js';
import { type BoundOutput, rowWidth } from './binding.js';

/** Outputs that may be meant, named in a refusal. */
const TOLD_MAX = 5;

type OutputWish = Pick<BoundOutput, 'output' | 'tensor' | 'index' | 'of'>;

/** Throws invalid_argument with what to write where none or several would do. */
export function boundOutputFor(
  tensors: readonly TensorSpec[],
  task: Task,
  wishes: readonly OutputWish[],
): { output: BoundOutput; sentence: string } {
  const name = task.scoreName;
  const stray = wishes.find(({ output }) => output !== name);
  if (stray !== undefined) {
    throw refusal(`'${stray.output}' is not what a model of a ${task.kind} project is asked for; that is '${name}'`);
  }
  if (wishes.length > 1) throw refusal(`'${name}' is given ${wishes.length} times`);
  const wish = wishes[0];
  const [of, how] = wish === undefined ? [undefined, 'by its shape'] : [wish.of, 'as given'];
  const candidates = tensors.flatMap((tensor) => candidate(tensor, name, wish));
  const named = candidates.filter(({ tensor }) => tensor === name || /prob|score|logit/i.test(tensor));
  const pick = candidates.length > 1 && named.length > 0 ? named : candidates;
  const output = pick[0];
  if (output === undefined || pick.length > 1) {
    const all = tensors.map(({ name, datatype, shape }) => `'${name}' ${datatype} [${shape.join(',')}]`).join(', ');
    const [why, places] =
      output === undefined
        ? ['none holds one or two floating-point numbers a row', ['TENSOR[index]']]
        : [`${pick.length} of them can be it`, pick.slice(0, TOLD_MAX).map((one) => `${one.tensor}[${one.index}]`)];
    // Every one of them: the first that is named would be taken for the right one.
    const how = places.map((place) => `--output '${name}=${place}'`).join(' or ');
    throw refusal(`cannot tell where the ${name} stands in the model's outputs ${all}: ${why}. Write ${how}`);
  }
  const taken = of === undefined ? output : { ...output, of };
  const words = taken.of === 'logit' ? `from the logit in` : 'is';
  return { output: taken, sentence: `${name} ${words} element ${taken.index} of '${taken.tensor}' (${how})` };
}

function candidate(tensor: TensorSpec, output: string, wish: OutputWish | undefined): BoundOutput[] {
  const { name, datatype, shape } = tensor;
  if (wish !== undefined ? wish.tensor !== name : !FLOATS.has(datatype)) return [];
  // A size that the model leaves open may be any; that of a row of one element is the likeliest, and the answers show.
  const row = shape.slice(1).map((size) => (size < 0 ? Math.max(1, (wish?.index ?? 0) + 1) : size));
  const width = rowWidth(row);
  if (wish !== undefined && wish.index >= width) {
    throw refusal(
      `tensor '${name}' has ${width} ${width === 1 ? 'element' : 'elements'} a row, there is no [${wish.index}]`,
    );
  }
  if (wish === undefined && width > 2) return [];
  const of = /logit/i.test(name) ? 'logit' : 'value';
  return [{ output, tensor: name, datatype, shape: row, index: wish?.index ?? width - 1, of }];
}

function refusal(what: string): PlatformError {
  return new PlatformError('invalid_argument', what);
}
