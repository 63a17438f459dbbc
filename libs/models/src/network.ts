// The network of a model as plain data: which encoded columns feed which tables, how wide the layers are, and where
// each parameter lies in one flat float32 buffer. Training (tf), export (ONNX, tfjs layers) and the reference forward
// pass here all read this description; none of them decides anything of its own.
//
// logit(x) = bias + numeric(x) . linear + sum_c wide[offset_c + x_c] + hidden(concat(embeddings(x), numeric(x))) .
// output
//
// A logistic model has no hidden part. Every categorical column and cross has a wide weight per value (one-hot); those
// with an embedding width feed the hidden layers as well. Columns of one embedding width share one table, so that a
// step costs one gather and one segment sum per width.

import { type CategoricalStep, type CrossStep, cardinalityOf, type FittedPlan } from '@millrace/features';

export type Activation = 'relu' | 'tanh';

/** What the project file says about the network. */
export interface NetworkSpec {
  kind: 'mlp' | 'logistic';
  hidden: readonly number[];
  activation: Activation;
}

/** An encoded column that indexes a table: row = offset + x[at]. */
export interface TableColumn {
  name: string;
  at: number;
  offset: number;
  rows: number;
}

export interface Table {
  /** 1 for the wide table. */
  width: number;
  rows: number;
  columns: readonly TableColumn[];
}

export interface Parameter {
  name: string;
  shape: readonly number[];
  /** First element in the flat buffer. */
  start: number;
  size: number;
  /** Whether the l2 penalty applies (biases go without). */
  penalised: boolean;
}

export interface Network {
  format: 1;
  inputWidth: number;
  /** Encoded columns that are numbers. */
  numeric: readonly number[];
  wide: Table;
  embeddings: readonly Table[];
  hidden: readonly number[];
  activation: Activation;
  /** In buffer order. */
  parameters: readonly Parameter[];
  size: number;
}

type IndexStep = CategoricalStep | CrossStep;

function tableOf(width: number, steps: readonly IndexStep[]): Table {
  let rows = 0;
  const columns = steps.map((step) => {
    const column = {
      name: step.kind === 'cross' ? step.inputs.join(' x ') : step.input,
      at: step.at,
      offset: rows,
      rows: cardinalityOf(step),
    };
    rows += column.rows;
    return column;
  });
  return { width, rows, columns };
}

/** Width of the hidden layers' input. */
export function hiddenInputWidth(network: Pick<Network, 'embeddings' | 'numeric'>): number {
  return network.embeddings.reduce((sum, table) => sum + table.width * table.columns.length, network.numeric.length);
}

/** Builds the description from a fitted plan. */
export function buildNetwork(plan: FittedPlan, spec: NetworkSpec): Network {
  const indexed: IndexStep[] = [];
  const numeric: number[] = [];
  for (const step of plan.steps) {
    if (step.kind !== 'numeric') indexed.push(step);
    else for (let k = 0; k < (step.period === undefined ? 1 : 3); k++) numeric.push(step.at + k);
  }
  // Without anything to look at, hidden layers would be a second bias.
  const deep = spec.kind === 'mlp' && (numeric.length > 0 || indexed.some((step) => step.embedding > 0));
  const widths = deep
    ? [...new Set(indexed.map((step) => step.embedding))].filter((w) => w > 0).sort((a, b) => a - b)
    : [];
  const embeddings = widths.map((width) =>
    tableOf(
      width,
      indexed.filter((step) => step.embedding === width),
    ),
  );
  const wide = tableOf(1, indexed);
  const hidden = deep ? [...spec.hidden] : [];
  const parameters: Parameter[] = [];
  let size = 0;
  const add = (name: string, shape: readonly number[], penalised: boolean) => {
    const count = shape.reduce((a, b) => a * b, 1);
    if (count === 0) return;
    parameters.push({ name, shape, start: size, size: count, penalised });
    size += count;
  };
  for (const table of embeddings) add(`embedding_${table.width}`, [table.rows, table.width], true);
  add('wide', [wide.rows, 1], true);
  add('linear', [numeric.length, 1], true);
  add('bias', [1], false);
  if (deep) {
    let inputs = hiddenInputWidth({ embeddings, numeric });
    hidden.forEach((units, i) => {
      add(`hidden_${i}/kernel`, [inputs, units], true);
      add(`hidden_${i}/bias`, [units], false);
      inputs = units;
    });
    add('output/kernel', [inputs, 1], true);
  }
  return {
    format: 1,
    inputWidth: plan.width,
    numeric,
    wide,
    embeddings,
    hidden,
    activation: spec.activation,
    parameters,
    size,
  };
}

/** The part of the flat buffer that holds one parameter; empty where the network has none of that name. */
export function parameterOf(network: Network, weights: Float32Array, name: string): Float32Array {
  const parameter = network.parameters.find((candidate) => candidate.name === name);
  return parameter === undefined
    ? new Float32Array(0)
    : weights.subarray(parameter.start, parameter.start + parameter.size);
}

/** Whether the network has a hidden part. */
export function isDeep(network: Network): boolean {
  return network.parameters.some((parameter) => parameter.name === 'output/kernel');
}
