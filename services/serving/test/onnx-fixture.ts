// A real ONNX model made by hand for tests: x [N, width] → Gemm → Relu → Gemm → Sigmoid → probability [N, 1], with
// weights from a seed. Only the few protobuf fields of onnx.proto3 that ONNX Runtime needs.

import { type Rng, seededRng } from '@millrace/domain';

const text = (value: string) => Buffer.from(value, 'utf8');

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

const int = (field: number, value: number) => Buffer.concat([varint(field << 3), varint(value)]);
const bytes = (field: number, ...parts: Buffer[]) => {
  const payload = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(payload.length), payload]);
};

/** NodeProto: input=1 output=2 op_type=4. */
const node = (operation: string, inputs: string[], output: string) =>
  bytes(1, ...inputs.map((input) => bytes(1, text(input))), bytes(2, text(output)), bytes(4, text(operation)));

/** TensorProto: dims=1 data_type=2 (FLOAT = 1) name=8 raw_data=9. */
const tensor = (name: string, dims: number[], values: Float32Array) =>
  bytes(5, ...dims.map((dim) => int(1, dim)), int(2, 1), bytes(8, text(name)), bytes(9, Buffer.from(values.buffer)));

/** ValueInfoProto: name=1 type=2{tensor_type=1{elem_type=1 shape=2{dim=1{dim_value=1 | dim_param=2}}}}. */
const value = (field: number, name: string, width: number) =>
  bytes(
    field,
    bytes(1, text(name)),
    bytes(2, bytes(1, int(1, 1), bytes(2, bytes(1, bytes(2, text('N'))), bytes(1, int(1, width))))),
  );

export interface MlpWeights {
  width: number;
  hidden: number[];
  weights: Float32Array[];
  biases: Float32Array[];
}

export function mlpWeights(width: number, hidden: number[], seed: number): MlpWeights {
  const rng: Rng = seededRng(seed);
  const sizes = [width, ...hidden, 1];
  const weights: Float32Array[] = [];
  const biases: Float32Array[] = [];
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    const [from, to] = [sizes[layer] as number, sizes[layer + 1] as number];
    weights.push(Float32Array.from({ length: from * to }, () => rng.normal() / Math.sqrt(from)));
    biases.push(Float32Array.from({ length: to }, () => rng.normal() * 0.1));
  }
  return { width, hidden, weights, biases };
}

export function onnxOf({ width, hidden, weights, biases }: MlpWeights): Buffer {
  const sizes = [width, ...hidden, 1];
  const nodes: Buffer[] = [];
  const tensors: Buffer[] = [];
  let at = 'x';
  for (let layer = 0; layer < weights.length; layer++) {
    const last = layer === weights.length - 1;
    tensors.push(
      tensor(`w${layer}`, [sizes[layer] as number, sizes[layer + 1] as number], weights[layer] as Float32Array),
    );
    tensors.push(tensor(`b${layer}`, [sizes[layer + 1] as number], biases[layer] as Float32Array));
    nodes.push(node('Gemm', [at, `w${layer}`, `b${layer}`], `g${layer}`));
    at = last ? 'probability' : `h${layer}`;
    nodes.push(node(last ? 'Sigmoid' : 'Relu', [`g${layer}`], at));
  }
  const graph = bytes(
    7,
    ...nodes,
    bytes(2, text('mlp')),
    ...tensors,
    value(11, 'x', width),
    value(12, 'probability', 1),
  );
  return Buffer.concat([int(1, 8), bytes(2, text('fixture')), graph, bytes(8, int(2, 13))]);
}

/** The same network in plain JavaScript, to check answers against. */
export function forward({ width, hidden, weights, biases }: MlpWeights, row: ArrayLike<number>): number {
  const sizes = [width, ...hidden, 1];
  let values = Array.from({ length: width }, (_, i) => row[i] as number);
  for (let layer = 0; layer < weights.length; layer++) {
    const [from, to] = [sizes[layer] as number, sizes[layer + 1] as number];
    const next: number[] = [];
    for (let j = 0; j < to; j++) {
      let sum = biases[layer]?.[j] as number;
      for (let i = 0; i < from; i++) sum += (values[i] as number) * (weights[layer]?.[i * to + j] as number);
      next.push(layer === weights.length - 1 ? 1 / (1 + Math.exp(-sum)) : Math.max(sum, 0));
    }
    values = next;
  }
  return values[0] as number;
}
