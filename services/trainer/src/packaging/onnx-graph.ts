// A network as an ONNX graph, as plain data: x [N, width] -> probability [N, 1]. Indices are looked up inside (Gather),
// so that serving passes the encoded row as it is. Opset 13, IR version 8.

import { isDeep, type Network, parameterOf, type Table } from '@millrace/models';

export interface OnnxTensor {
  name: string;
  dims: readonly number[];
  data: Float32Array | BigInt64Array | Int32Array;
}

export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  output: string;
  /** Integer attributes. */
  attributes: Readonly<Record<string, number>>;
}

export interface OnnxGraph {
  inputWidth: number;
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxTensor[];
}

export const OPSET = 13;
export const IR_VERSION = 8;
/** onnx.TensorProto.DataType.INT32, the target of Cast. */
const INT32 = 6;

export function onnxGraph(network: Network, weights: Float32Array): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const constant = (name: string, dims: readonly number[], data: OnnxTensor['data']): string => {
    initializers.push({ name, dims, data });
    return name;
  };
  const node = (
    op: string,
    inputs: readonly string[],
    output: string,
    attributes: Record<string, number> = {},
  ): string => {
    nodes.push({ op, inputs, output, attributes });
    return output;
  };
  const weight = (name: string, dims?: readonly number[]): string => {
    const parameter = network.parameters.find((candidate) => candidate.name === name);
    return constant(name, dims ?? parameter?.shape ?? [], parameterOf(network, weights, name));
  };
  const columns = (name: string, at: readonly number[]): string =>
    node('Gather', ['x', constant(`${name}/columns`, [at.length], BigInt64Array.from(at, BigInt))], `${name}/values`, {
      axis: 1,
    });
  const rowsOf = (name: string, table: Table): string => {
    const at = table.columns.map((column) => column.at);
    const offsets = constant(
      `${name}/offsets`,
      [at.length],
      Int32Array.from(table.columns, (column) => column.offset),
    );
    const cast = node('Cast', [columns(name, at)], `${name}/codes`, { to: INT32 });
    return node('Add', [cast, offsets], `${name}/rows`);
  };

  const numeric = network.numeric.length > 0 ? columns('numeric', network.numeric) : null;
  let logit = weight('bias');
  const addToLogit = (term: string, name: string) => {
    logit = node('Add', [term, logit], `logit/${name}`);
  };
  if (network.wide.columns.length > 0) {
    const picked = node('Gather', [weight('wide', [network.wide.rows]), rowsOf('wide', network.wide)], 'wide/picked', {
      axis: 0,
    });
    const axis = constant('wide/axis', [1], BigInt64Array.of(1n));
    addToLogit(node('ReduceSum', [picked, axis], 'wide/sum', { keepdims: 1 }), 'wide');
  }
  if (numeric !== null) addToLogit(node('MatMul', [numeric, weight('linear')], 'linear/product'), 'linear');
  if (isDeep(network)) {
    const parts = network.embeddings.map((table) => {
      const name = `embedding_${table.width}`;
      const picked = node('Gather', [weight(name), rowsOf(name, table)], `${name}/picked`, { axis: 0 });
      const shape = constant(`${name}/shape`, [2], BigInt64Array.of(-1n, BigInt(table.width * table.columns.length)));
      return node('Reshape', [picked, shape], `${name}/flat`);
    });
    if (numeric !== null) parts.push(numeric);
    let hidden = parts.length === 1 ? (parts[0] as string) : node('Concat', parts, 'hidden/input', { axis: 1 });
    network.hidden.forEach((_, i) => {
      const sum = node('Gemm', [hidden, weight(`hidden_${i}/kernel`), weight(`hidden_${i}/bias`)], `hidden_${i}/sum`);
      hidden = node(network.activation === 'relu' ? 'Relu' : 'Tanh', [sum], `hidden_${i}/output`);
    });
    addToLogit(node('MatMul', [hidden, weight('output/kernel')], 'output/product'), 'output');
  }
  // A graph without any term has a logit without rows; such a network has no inputs at all and is refused before.
  node('Sigmoid', [logit], 'probability');
  return { inputWidth: network.inputWidth, nodes, initializers };
}
