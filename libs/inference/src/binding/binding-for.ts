// Finds how a project's columns are a model's tensors: what somebody said first, then by name (a tensor that is called
// like a column), then by order where only one way fits. It says in sentences what it took, and refuses with what to
// write where it would have to guess between two ways. Not here: whether the binding is a good one; the gates say that.

import { PlatformError, type Task } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { TensorSpec } from '../metadata.js';
import type { Binding, BoundInput, BoundOutput } from './binding.js';
import { boundOutputFor } from './output-for.js';
import { rowShape, spelled, takes } from './tensor-fit.js';

export interface BindingWishes {
  /** `--input TENSOR=column,column`. */
  readonly inputs?: readonly { readonly tensor: string; readonly columns: readonly string[] }[];
  /** `--output probability=TENSOR[index]`. */
  readonly outputs?: readonly Pick<BoundOutput, 'output' | 'tensor' | 'index' | 'of'>[];
}

/** What of a project matters here. */
export interface BindableColumns {
  /** In the project file's order. */
  readonly features: readonly SignatureInput[];
  /** All columns that a live record may have, features among them. */
  readonly columns: readonly SignatureInput[];
  /** Ids and times: bound by name only. */
  readonly notByOrder?: ReadonlySet<string>;
}

export interface FoundBinding {
  readonly binding: Binding;
  /** One for each tensor. */
  readonly sentences: readonly string[];
}

/** Shapes are with the batch dimension. Throws invalid_argument with what to write where none is found. */
export function bindingFor(
  model: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
  project: BindableColumns,
  task: Task,
  wishes: BindingWishes = {},
): FoundBinding {
  const inputs = new InputSearch(model.inputs, project, wishes.inputs ?? []).bind();
  const output = boundOutputFor(model.outputs, task, wishes.outputs ?? []);
  return {
    binding: { inputs: inputs.map(({ input }) => input), outputs: [output.output] },
    sentences: [...inputs.map(({ sentence }) => sentence), output.sentence],
  };
}

interface Taken {
  input: BoundInput;
  sentence: string;
}

class InputSearch {
  private readonly taken = new Map<string, Taken>();
  private readonly used = new Set<string>();

  constructor(
    private readonly tensors: readonly TensorSpec[],
    private readonly project: BindableColumns,
    private readonly wishes: NonNullable<BindingWishes['inputs']>,
  ) {}

  bind(): Taken[] {
    if (this.tensors.length === 0) throw new PlatformError('invalid_argument', 'the model has no input tensor');
    for (const wish of this.wishes) this.bindWish(wish);
    const open = this.tensors.filter(({ name }) => !this.taken.has(name));
    for (const tensor of open) this.bindByName(tensor);
    for (const text of [true, false]) this.bindByOrder(text);
    return this.tensors.map(({ name }) => this.taken.get(name) as Taken);
  }

  private bindWish({ tensor: name, columns: names }: NonNullable<BindingWishes['inputs']>[number]): void {
    const tensor = this.tensors.find((candidate) => candidate.name === name);
    if (tensor === undefined) {
      throw refusal(`the model has no input tensor '${name}', it has ${this.tensors.map(described).join(', ')}`);
    }
    if (this.taken.has(name)) throw refusal(`tensor '${name}' is given twice`);
    const columns = names.map((wanted) => {
      const column = this.project.columns.find((candidate) => candidate.name === wanted);
      if (column === undefined) {
        const known = this.project.columns.map((candidate) => candidate.name).join(', ');
        throw refusal(`tensor '${name}': the project has no column '${wanted}' that live rows bring; it has ${known}`);
      }
      return column;
    });
    const shape = rowShape(tensor, columns.length);
    if (shape === undefined) {
      throw refusal(`tensor ${described(tensor)} does not take ${columns.length} columns (${names.join(', ')})`);
    }
    const wrong = columns.find((column) => !takes(tensor, column));
    if (wrong !== undefined) {
      throw refusal(`tensor ${described(tensor)} does not take column '${wrong.name}', which is of type ${wrong.type}`);
    }
    this.take(tensor, shape, columns, 'as given');
  }

  private bindByName(tensor: TensorSpec): void {
    const shape = rowShape(tensor, 1);
    if (shape === undefined) return;
    const { columns } = this.project;
    const alike = columns.filter(({ name }) => spelled(name) === spelled(tensor.name));
    const column = columns.find(({ name }) => name === tensor.name) ?? (alike.length === 1 ? alike[0] : undefined);
    if (column === undefined || this.used.has(column.name)) return;
    if (!takes(tensor, column)) {
      throw refusal(
        `tensor ${described(tensor)} is called like column '${column.name}', which is of type ${column.type}: ` +
          (column.type === 'text' ? `a text fits only a tensor of BYTES.` : `only a text fits a tensor of BYTES.`) +
          ` Write its type in the project file, or --input ${tensor.name}=COLUMN`,
      );
    }
    this.take(tensor, shape, [column], 'by its name');
  }

  /** The tensors of texts, or of numbers, that are still open: bound where there is one, and one way to fill it. */
  private bindByOrder(text: boolean): void {
    const open = this.tensors.filter(
      (tensor) => !this.taken.has(tensor.name) && (tensor.datatype === 'BYTES') === text,
    );
    const tensor = open[0];
    if (tensor === undefined) return;
    const fits = (list: readonly SignatureInput[]) =>
      list.filter(
        (column) =>
          !this.used.has(column.name) &&
          takes(tensor, column) &&
          column.type !== 'timestamp' &&
          this.project.notByOrder?.has(column.name) !== true,
      );
    const [features, columns] = [fits(this.project.features), fits(this.project.columns)];
    if (open.length === 1) {
      for (const [list, words] of [
        [features, 'features'],
        [columns, 'columns'],
      ] as const) {
        const shape = list.length === 0 ? undefined : rowShape(tensor, list.length);
        if (shape === undefined) continue;
        this.take(tensor, shape, list, `in the order of the project's ${text ? 'text' : 'number'} ${words}`);
        return;
      }
    }
    const left = columns.map(({ name }) => name).join(', ') || 'none';
    const which = open.map(described).join(', ');
    throw refusal(
      `cannot tell which columns ${which} ${open.length === 1 ? 'takes' : 'take'}; ${text ? 'text' : 'number'} columns ` +
        `that are left: ${left}. Write --input ${tensor.name}=column,column,… in the order that the model was trained on`,
    );
  }

  private take(tensor: TensorSpec, shape: readonly number[], columns: readonly SignatureInput[], how: string): void {
    const names = columns.map(({ name }) => name);
    for (const name of names) this.used.add(name);
    const { name, datatype } = tensor;
    const sentence = `tensor ${described(tensor)} takes ${names.join(', ')} (${how})`;
    this.taken.set(name, { input: { tensor: name, datatype, shape, columns: names }, sentence });
  }
}

function described({ name, datatype, shape }: TensorSpec): string {
  return `'${name}' ${datatype} [${shape.map((size) => (size < 0 ? 'N' : size)).join(',')}]`;
}

function refusal(what: string): PlatformError {
  return new PlatformError('invalid_argument', what);
}
