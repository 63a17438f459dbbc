// One row from the command line as the tensors of a request. Every key is an input and every value of its type: a
// typing error must not be answered as if the value were missing. What the row leaves out is either the server's to
// fill in (derived from the event time, online features), or missing, which only a project's own models know.

import { hint, PlatformError } from '@millrace/domain';
import { parseRestJson, type Tensor, type TensorSpec } from '@millrace/inference';
import type { Project } from '@millrace/project';
import { type InputValue, shown, typedValue, Unfit, wanted } from './input-value.js';
import { type CellValue, rowElements, tensorOf } from './row-tensors.js';

export interface OneRow {
  readonly tensors: readonly Tensor[];
  /** Inputs that were sent as missing because the row leaves them out. */
  readonly missing: readonly string[];
  /** Columns of the project that the model does not take. */
  readonly unused: readonly string[];
}

type Row = Readonly<Record<string, unknown>>;

const invalid = (what: string): PlatformError => new PlatformError('invalid_argument', `--row: ${what}`);

/** Values by name; integers beyond 2^53 keep their digits. */
export function rowOf(text: string): Row {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw invalid(`no JSON (${(thrown as Error).message}): write '{"name": value}'`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(`no JSON object of features: write '{"name": value}'`);
  // An input may be called "constructor", which every other object has.
  return Object.assign(Object.create(null), parseRestJson(new TextEncoder().encode(text)));
}

/** Whether the row has just the inputs: else what its project knows is needed. */
export function isWhole(row: Row, inputs: readonly TensorSpec[]): boolean {
  return inputs.every(({ name }) => row[name] !== undefined) && Object.keys(row).length === inputs.length;
}

/** Columns of the project that the model does not take, as a record has them; any other key is a mistake. */
function unused(row: Row, inputs: readonly TensorSpec[], project: Project | undefined): string[] {
  const names = inputs.map(({ name }) => name);
  const { eventTime, columns = [] } = project?.data ?? {};
  return Object.keys(row).filter((key) => {
    if (names.includes(key)) return false;
    if (key === eventTime) throw invalid(`'${key}' is the event time and no input: give it with --event-time`);
    if (!columns.some(({ name }) => name === key)) throw invalid(`no input '${key}'. ${hint(key, names)}`);
    return true;
  });
}

/**
 * `project`: whose models these are; undefined where the model is no project's or the platform cannot be asked.
 *
 * @throws PlatformError invalid_argument with every fault of the row
 */
export function tensorsOf(row: Row, inputs: readonly TensorSpec[], project: Project | undefined): OneRow {
  const notUsed = unused(row, inputs, project);
  const out = inputs.filter(({ name }) => row[name] === undefined && !isFilledIn(name, project));
  const faults = inputs.flatMap((spec) => fault(spec, row[spec.name]) ?? []);
  const required = out.filter(({ name }) => project?.data.columns.find((column) => column.name === name)?.required);
  const lacking = project === undefined ? out : required;
  if (lacking.length > 0) {
    const names = lacking.map(({ name, datatype }) => `'${name}' (${wanted(datatype)})`).join(', ');
    const known = project === undefined ? ', or null where it is not known and the model takes missing values' : '';
    faults.push(`${names} ${lacking.length === 1 ? 'is' : 'are'} missing: give a value${known}`);
  }
  if (faults.length > 0) throw invalid(faults.join('; '));
  const missing = out.map(({ name }) => name);
  const tensors = inputs.flatMap((spec) => {
    const value = row[spec.name] as CellValue | undefined;
    if (value === undefined && !missing.includes(spec.name)) return [];
    return [tensorOf({ spec, elements: rowElements(spec.shape) ?? 1 }, [value ?? null], 0, 1)];
  });
  return { tensors, missing, unused: notUsed };
}

/** The server fills it in: from the event time, or from the entity's latest record. */
export function isFilledIn(name: string, project: Project | undefined): boolean {
  if (project === undefined) return false;
  const { eventTime, columns } = project.data;
  const derive = columns.find((column) => column.name === name)?.derive;
  const online = project.serving.onlineFeatures?.columns ?? [];
  return name === eventTime || (derive !== undefined && derive.from === eventTime) || online.includes(name);
}

function fault({ name, datatype, shape }: TensorSpec, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const elements = rowElements(shape);
  if (elements === undefined) return `input '${name}' has shape [${shape.join(',')}]: rows of no fixed size`;
  if (elements === 1) {
    const single =
      typeof value === 'object' && value !== null ? new Unfit('') : typedValue(datatype, value as InputValue);
    return single instanceof Unfit ? `input '${name}' is ${shown(value)}, it takes ${wanted(datatype)}` : undefined;
  }
  const list = Array.isArray(value) ? (value as InputValue[]) : [];
  const good =
    list.length === elements && list.every((one) => one !== null && !(typedValue(datatype, one) instanceof Unfit));
  return good
    ? undefined
    : `input '${name}' is ${shown(value)}, it takes a list of ${elements}, each ${wanted(datatype)}`;
}
