// From a package's raw inputs to what clients see, and from a request's tensors to rows of raw values in signature
// order. Every fault is invalid_argument and names the tensor. A missing value travels as NaN in a float tensor or as
// an empty text (and as null in JSON); features that are derived from the event time may be left out, or be missing in
// some rows, when the request says event_time_ms: as in training, a value that is there goes before the derived one.

import { PlatformError, rowNumber, type Scalar, type Task } from '@millrace/domain';
import type { InputType, SignatureInput } from '@millrace/features';
import type { Datatype, InferRequest, Tensor, TensorSpec } from '@millrace/inference';
import { type Project, timePart } from '@millrace/project';

const DECLARED: Readonly<Record<InputType, Datatype>> = {
  number: 'FP64',
  integer: 'INT64',
  timestamp: 'INT64',
  text: 'BYTES',
  boolean: 'BOOL',
};

const NUMERIC: ReadonlySet<Datatype> = new Set([
  'FP64',
  'FP32',
  'INT64',
  'INT32',
  'FP16',
  'BF16',
  'UINT64',
  'UINT32',
  'INT16',
  'UINT16',
  'INT8',
  'UINT8',
]);

/** Longest text value in characters where the project's column allows no longer one: it may take up to 65,536. */
const TEXT_CHARACTERS_MAX = 4096;

/** How a feature is filled when the request leaves it out. */
export type Derivation = { kind: 'event_time' } | { kind: 'part'; part: Parameters<typeof timePart>[1] };

export function inputSpecs(inputs: readonly SignatureInput[]): TensorSpec[] {
  return inputs.map(({ name, type }) => ({ name, datatype: DECLARED[type], shape: [-1] }));
}

/** Rows come first. */
export function outputSpecs({ outputs }: Task): TensorSpec[] {
  return outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: [-1, ...shape] }));
}

/** One entry per input; undefined where nothing can stand in for it. */
export function derivationsOf(
  inputs: readonly SignatureInput[],
  project: Project | undefined,
): (Derivation | undefined)[] {
  return inputs.map(({ name }) => {
    if (!project) return undefined;
    const { eventTime } = project.data;
    if (name === eventTime) return { kind: 'event_time' };
    const derive = project.data.columns.find((column) => column.name === name)?.derive;
    return derive && derive.from === eventTime ? { kind: 'part', part: derive.part } : undefined;
  });
}

/** Longest text of each input: what the model could learn from it can be asked for. */
export function textsMaxOf(inputs: readonly SignatureInput[], project: Project | undefined): number[] {
  const lengths = new Map(project?.data.columns.map(({ name, lengthMax }) => [name, lengthMax] as const));
  return inputs.map(({ name }) => Math.max(TEXT_CHARACTERS_MAX, lengths.get(name) ?? 0));
}

/** One array of raw values in signature order for each row. */
export type RawRows = Scalar[][];

/** What fills inputs that a request leaves out and that nothing is derived for, for example online features. */
export interface StandIn {
  /** Rows of a request that brings no input at all. */
  readonly rows: number;
  /** Sets position `at` of every row; false = not one of its inputs. May throw the reason why it cannot. */
  fill(at: number, rows: RawRows): boolean;
}

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

function rowsOf(tensor: Tensor): number {
  const { shape } = tensor;
  if (shape.length === 1 || (shape.length === 2 && shape[1] === 1)) return shape[0] as number;
  return invalid(`input '${tensor.name}' has shape [${shape.join(',')}], expected [N] or [N,1]`);
}

export class RequestReader {
  private readonly positions = new Map<string, number>();
  // Marks which inputs the current request brought, without clearing between requests.
  private readonly seen: Int32Array;
  private generation = 0;
  /** Positions that something is derived for. */
  private readonly derived: readonly number[];

  constructor(
    readonly inputs: readonly SignatureInput[],
    private readonly derivations: readonly (Derivation | undefined)[],
    private readonly rowsMax: number,
    private readonly textsMax: readonly number[] = textsMaxOf(inputs, undefined),
  ) {
    this.seen = new Int32Array(inputs.length);
    this.derived = inputs.flatMap((_, at) => (derivations[at] === undefined ? [] : [at]));
    inputs.forEach(({ name }, i) => {
      this.positions.set(name, i);
    });
  }

  /** `eventTimeMs`: undefined = the request has none. */
  read(request: InferRequest, eventTimeMs: number | undefined, standIn?: StandIn): RawRows {
    const tensors = request.inputs;
    const first = tensors[0];
    if (!first && !standIn) invalid(`the request has no inputs, expected ${this.names()}`);
    const count = first ? rowsOf(first) : (standIn as StandIn).rows;
    if (count < 1 || count > this.rowsMax) {
      invalid(`input '${first?.name ?? ''}' has ${count} rows, expected 1 to ${this.rowsMax}`);
    }
    const rows: RawRows = [];
    for (let row = 0; row < count; row++) rows.push(new Array<Scalar>(this.inputs.length).fill(null));
    this.generation = (this.generation + 1) | 0;
    for (let t = 0; t < tensors.length; t++) this.place(tensors[t] as Tensor, t, rows, first?.name ?? '');
    if (tensors.length < this.inputs.length) this.standIn(eventTimeMs, rows, standIn);
    if (eventTimeMs !== undefined) for (const at of this.derived) this.derive(at, eventTimeMs, rows);
    return rows;
  }

  private place(tensor: Tensor, position: number, rows: RawRows, firstName: string): void {
    const { name } = tensor;
    // Clients keep the order of the metadata mostly: then no look-up is needed.
    const at = this.inputs[position]?.name === name ? position : this.positions.get(name);
    if (at === undefined) invalid(`unexpected input '${name.slice(0, 64)}', expected ${this.names()}`);
    if (this.seen[at] === this.generation) invalid(`input '${name}' is given twice`);
    this.seen[at] = this.generation;
    if (rowsOf(tensor) !== rows.length) {
      invalid(`input '${name}' has ${rowsOf(tensor)} rows, '${firstName}' has ${rows.length}`);
    }
    fill(tensor, (this.inputs[at] as SignatureInput).type, rows, at, this.textsMax[at] as number);
  }

  /** Fills what the request leaves out, or refuses it; what is derived is filled later. */
  private standIn(eventTimeMs: number | undefined, rows: RawRows, standIn: StandIn | undefined): void {
    for (let at = 0; at < this.inputs.length; at++) {
      if (this.seen[at] === this.generation) continue;
      const name = this.inputs[at]?.name;
      if (this.derivations[at] === undefined) {
        if (!standIn?.fill(at, rows)) invalid(`input '${name}' is missing`);
      } else if (eventTimeMs === undefined) {
        invalid(`input '${name}' is missing and the request has no parameter event_time_ms to derive it from`);
      }
    }
  }

  private derive(at: number, eventTimeMs: number, rows: RawRows): void {
    const derivation = this.derivations[at] as Derivation;
    const value = derivation.kind === 'event_time' ? eventTimeMs : timePart(eventTimeMs, derivation.part);
    for (const row of rows) row[at] ??= value;
  }

  private names(): string {
    return this.inputs.map((input) => `'${input.name}'`).join(', ');
  }
}

function fill(tensor: Tensor, type: InputType, rows: RawRows, at: number, textMax: number): void {
  const { datatype, name } = tensor;
  switch (type) {
    case 'text': {
      if (datatype !== 'BYTES') mismatch(tensor, type);
      const texts = tensor.texts();
      for (let i = 0; i < rows.length; i++) {
        const text = texts[i] as string;
        if (text.length > textMax)
          invalid(`input '${name}' row ${rowNumber(i)} has ${text.length} characters, at most ${textMax} are allowed`);
        (rows[i] as Scalar[])[at] = text === '' ? null : text;
      }
      return;
    }
    case 'boolean':
      if (datatype !== 'BOOL') fillFlags(tensor, rows, at);
      else for (let i = 0; i < rows.length; i++) (rows[i] as Scalar[])[at] = tensor.number(i) === 1;
      return;
    default:
      if (!NUMERIC.has(datatype)) mismatch(tensor, type);
      for (let i = 0; i < rows.length; i++) {
        const value = tensor.number(i);
        if (Number.isNaN(value)) continue;
        if (type === 'number' ? !Number.isFinite(value) : !Number.isSafeInteger(value)) {
          const where = `input '${name}' row ${rowNumber(i)} is`;
          if (Number.isInteger(value)) invalid(`${where} beyond 2^53, where numbers lose digits`);
          invalid(`${where} ${value}, expected ${type === 'number' ? 'a finite number' : 'an integer'}`);
        }
        (rows[i] as Scalar[])[at] = value;
      }
  }
}

/** BOOL has no missing value: a tensor of flags with a missing one comes as FP64 with NaN (libs/inference). */
function fillFlags(tensor: Tensor, rows: RawRows, at: number): void {
  if (tensor.datatype !== 'FP64') mismatch(tensor, 'boolean');
  for (let i = 0; i < rows.length; i++) {
    const value = tensor.number(i);
    if (Number.isNaN(value)) continue;
    if (value !== 0 && value !== 1)
      invalid(`input '${tensor.name}' row ${rowNumber(i)} is ${value}, expected true or false`);
    (rows[i] as Scalar[])[at] = value === 1;
  }
}

function mismatch(tensor: Tensor, type: InputType): never {
  const expected = type === 'text' ? 'BYTES' : type === 'boolean' ? 'BOOL' : `${DECLARED[type]} or another number`;
  return invalid(`input '${tensor.name}' has datatype ${tensor.datatype}, expected ${expected}`);
}
