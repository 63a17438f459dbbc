// From the tensors of a model that somebody else serves to a project that watches it: columns, features, and where its
// number is. Pure; what cannot be watched is refused with what to write. Nothing is trained, so nothing is said of
// labels or of how a network looks.

import { PlatformError } from '@millrace/domain';
import { FLOATS, type TensorSpec } from '@millrace/inference';

/** As many as a project may have. */
const COLUMNS_MAX = 1_000;
const COLUMN_CHARACTERS_MAX = 128;

export interface UpstreamModel {
  name: string;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

/** `--output score=TENSOR[index]`. */
export interface OutputWish {
  output: 'score' | 'probability';
  tensor: string;
  index: number;
}

export interface WatchedModel {
  project: string;
  /** project.yaml. */
  text: string;
  inputs: { tensor: string; columns: string[] }[];
  outputs: { output: string; tensor: string; index: number; of: 'value' }[];
  /** What was taken for what. */
  sentences: string[];
}

interface Column {
  name: string;
  type: 'number' | 'integer' | 'text' | 'boolean';
}

export function watchedModel(
  model: UpstreamModel,
  { project = projectName(model.name), window, output }: { project?: string; window: string; output?: OutputWish },
): WatchedModel {
  if (model.inputs.length === 0 || model.outputs.length === 0) {
    throw refusal(
      model,
      'its server says nothing of its tensors; declare them there (MLServer: "inputs" and "outputs" with "shape": [-1, …] in model-settings.json)',
    );
  }
  const names = new Set<string>();
  const bound = model.inputs.map((tensor) => ({ tensor, columns: columnsOf(model, tensor, names) }));
  const count = bound.reduce((sum, { columns }) => sum + columns.length, 0);
  if (count > COLUMNS_MAX) {
    throw refusal(
      model,
      `its inputs have ${count} values a row, at most ${COLUMNS_MAX} can be watched as columns; name the others with --model`,
    );
  }
  const answer = output ?? guessedOutput(model);
  const tensor = model.outputs.find(({ name }) => name === answer.tensor);
  const width = tensor === undefined ? 0 : widthOf(model, tensor, answer.index);
  if (tensor === undefined || tensor.datatype === 'BYTES' || answer.index >= width) {
    const there = model.outputs.map(spoken).join(', ');
    throw refusal(model, `it has no number ${answer.tensor}[${answer.index}]; its outputs are ${there}`);
  }
  const columns = bound.flatMap((input) => input.columns);
  return {
    project,
    text: projectText(project, model, columns, answer.output === 'probability' ? 'binary' : 'score', window),
    inputs: bound.map((input) => ({ tensor: input.tensor.name, columns: input.columns.map(({ name }) => name) })),
    outputs: [{ ...answer, of: 'value' }],
    sentences: [
      ...bound.map((input) => `${listed(input.columns.map(({ name }) => name))} from ${spoken(input.tensor)}`),
      `${answer.output} is ${answer.tensor}[${answer.index}] of ${spoken(tensor)}` +
        (output === undefined && width > 1 ? '; another one: --output score=TENSOR[INDEX]' : ''),
    ],
  };
}

/** Letters, digits and hyphens of the model's name, in lower case. */
export function projectName(model: string): string {
  const name = model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 63);
  if (name === '')
    throw new PlatformError(
      'invalid_argument',
      `no project can be called like model '${model}'; name one with --project`,
    );
  return name;
}

/** `score=TENSOR[index]` or `probability=TENSOR[index]`; without an index the first. */
export function outputWish(text: string): OutputWish | undefined {
  const [, output, tensor = '', index = '0'] = /^(score|probability)=(.+?)(?:\[(\d{1,6})\])?$/.exec(text) ?? [];
  return output === undefined ? undefined : { output: output as OutputWish['output'], tensor, index: Number(index) };
}

/** The first number of the first output that has some: what drifts in one class shows in the others. */
function guessedOutput(model: UpstreamModel): OutputWish {
  const numbers = model.outputs.filter(({ datatype }) => datatype !== 'BYTES');
  const tensor = numbers.find(({ datatype }) => FLOATS.has(datatype)) ?? numbers[0];
  if (tensor === undefined)
    throw refusal(model, `none of its outputs is a number: ${model.outputs.map(spoken).join(', ')}`);
  return { output: 'score', tensor: tensor.name, index: 0 };
}

function columnsOf(model: UpstreamModel, tensor: TensorSpec, names: Set<string>): Column[] {
  const width = widthOf(model, tensor, 0);
  const type =
    tensor.datatype === 'BYTES'
      ? 'text'
      : tensor.datatype === 'BOOL'
        ? 'boolean'
        : FLOATS.has(tensor.datatype)
          ? 'number'
          : 'integer';
  if (width > COLUMNS_MAX) {
    throw refusal(
      model,
      `input ${spoken(tensor)} has ${width} values a row, at most ${COLUMNS_MAX} can be watched as columns; name the others with --model`,
    );
  }
  return Array.from({ length: width }, (_, i) => {
    const name = freeName(width === 1 ? tensor.name : `${tensor.name}_${i}`, names);
    names.add(name.toLowerCase());
    return { name, type };
  });
}

/** Values of one row. */
function widthOf(model: UpstreamModel, tensor: TensorSpec, index: number): number {
  const [batch, ...row] = tensor.shape;
  if (batch === undefined || batch >= 0) {
    throw refusal(
      model,
      `tensor ${spoken(tensor)} has no open first size, which rows need; declare its shape as [-1, …] at its server`,
    );
  }
  const open = row.filter((size) => size < 0).length;
  if (open > 1 || (open === 1 && tensor.datatype !== 'BYTES' && model.inputs.includes(tensor))) {
    throw refusal(model, `tensor ${spoken(tensor)} has rows of any length, which are no columns`);
  }
  return row.reduce((product, size) => product * (size < 0 ? index + 1 : size), 1);
}

/** A column's name: no control characters, no white space around it, no @ first, not one that is taken. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const plain =
    wanted
      .replace(/\p{Cc}/gu, '_')
      .replace(/^[\s@]+|\s+$/g, '')
      .slice(0, COLUMN_CHARACTERS_MAX - 5) || 'x';
  for (let number = 1; ; number++) {
    const name = number === 1 ? plain : `${plain}.${number}`;
    if (!taken.has(name.toLowerCase())) return name;
  }
}

/** JSON texts are YAML's, too. */
function projectText(
  project: string,
  model: UpstreamModel,
  columns: readonly Column[],
  task: 'binary' | 'score',
  window: string,
): string {
  const kind = ({ type }: Column) => (type === 'text' || type === 'boolean' ? 'categorical' : 'numeric');
  return [
    '# Written by `millrace watch` from the tensors of a model that is served elsewhere: it is watched, nothing is trained.',
    `name: ${project}`,
    `scope: { problem: ${JSON.stringify(`${model.name}, as it is served elsewhere`)}, task: ${task} }`,
    'data:',
    '  columns:',
    ...columns.map(({ name, type }) => `    - { name: ${JSON.stringify(name)}, type: ${type} }`),
    'features:',
    ...columns.map((column) => `  - { name: ${JSON.stringify(column.name)}, kind: ${kind(column)} }`),
    `monitoring: { window: ${window}, allowedLateness: 5s }`,
    '',
  ].join('\n');
}

function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names[0]} … ${names.at(-1)}` : names.join(', ');
}

function spoken({ name, datatype, shape }: TensorSpec): string {
  return `'${name}' ${datatype} [${shape.map((size) => (size < 0 ? 'N' : size)).join(',')}]`;
}

function refusal({ name }: UpstreamModel, why: string): PlatformError {
  return new PlatformError('invalid_argument', `model '${name}' cannot be watched: ${why}`);
}
