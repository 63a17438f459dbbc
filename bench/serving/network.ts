// The network of every system in the bench: 8-64-64-1, relu, sigmoid at the end, weights from one seed; as ONNX for
// Millrace and as numpy's .npz for the peers, so that all compute the same numbers.

import { crc32 } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { onnxPb } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';

export const SIZES = [8, 64, 64, 1] as const;
export const SEED = 4;

export interface Layer {
  from: number;
  to: number;
  /** from × to, row-major. */
  weights: Float32Array;
  bias: Float32Array;
}

/** Normal weights scaled by 1/√from, so that the sigmoid stays off its ends. */
export function layers(): Layer[] {
  const rng = seededRng(SEED);
  return SIZES.slice(1).map((to, i) => {
    const from = SIZES[i] as number;
    return {
      from,
      to,
      weights: Float32Array.from({ length: from * to }, () => rng.normal() / Math.sqrt(from)),
      bias: Float32Array.from({ length: to }, () => rng.normal() * 0.1),
    };
  });
}

/** The answer for one row, to check that a system computes this network before it is measured. */
export function forward(row: Float32Array): number {
  const all = layers();
  let values: Float32Array = row;
  for (const [at, layer] of all.entries()) {
    const next = Float32Array.from(layer.bias);
    for (let i = 0; i < layer.from; i++)
      for (let j = 0; j < layer.to; j++)
        next[j] = (next[j] as number) + (values[i] as number) * (layer.weights[i * layer.to + j] as number);
    values = next.map((sum) => (at + 1 < all.length ? Math.max(sum, 0) : 1 / (1 + Math.exp(-sum))));
  }
  return values[0] as number;
}

const FLOAT = 1;

function valueInfo(name: string, dims: readonly (number | string)[]) {
  const dim = dims.map((size) => ({
    value:
      typeof size === 'string'
        ? { case: 'dimParam' as const, value: size }
        : { case: 'dimValue' as const, value: BigInt(size) },
  }));
  return { name, type: { value: { case: 'tensorType' as const, value: { elemType: FLOAT, shape: { dim } } } } };
}

interface Node {
  opType: string;
  input: string[];
  output: string[];
}

function modelBytes(
  name: string,
  node: Node[],
  initializer: { name: string; dims: bigint[]; dataType: number; rawData: Uint8Array }[],
  input: [string, (number | string)[]],
  output: [string, (number | string)[]],
): Uint8Array {
  return toBinary(
    onnxPb.ModelProtoSchema,
    create(onnxPb.ModelProtoSchema, {
      irVersion: 8n,
      producerName: 'millrace-bench',
      opsetImport: [{ domain: '', version: 13n }],
      graph: { name, node, initializer, input: [valueInfo(...input)], output: [valueInfo(...output)] },
    }),
  );
}

/** x [N, 8] → probability [N, 1]. */
export function networkOnnx(): Uint8Array {
  const all = layers();
  const tensor = (name: string, dims: number[], data: Float32Array) => ({
    name,
    dims: dims.map(BigInt),
    dataType: FLOAT,
    rawData: new Uint8Array(data.buffer),
  });
  const nodes: Node[] = [];
  let at = 'x';
  for (const i of all.keys()) {
    const last = i === all.length - 1;
    const next = last ? 'probability' : `h${i}`;
    nodes.push({ opType: 'Gemm', input: [at, `w${i}`, `b${i}`], output: [`g${i}`] });
    nodes.push({ opType: last ? 'Sigmoid' : 'Relu', input: [`g${i}`], output: [next] });
    at = next;
  }
  const tensors = all.flatMap(({ from, to, weights, bias }, i) => [
    tensor(`w${i}`, [from, to], weights),
    tensor(`b${i}`, [to], bias),
  ]);
  return modelBytes('mlp', nodes, tensors, ['x', ['N', SIZES[0]]], ['probability', ['N', 1]]);
}

/** NumPy's format 1.0: magic, length of the header, a Python dict padded to 64 bytes, then the values. */
function npy(shape: readonly number[], values: Float32Array): Buffer {
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.map((size) => `${size},`).join(' ')}), }`;
  const header = `${dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11)}\n`;
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(header, 'latin1'), Buffer.from(values.buffer)]);
}

/** An .npz is a zip; entries are stored, not compressed. */
function zip(entries: readonly [string, Buffer][]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of entries) {
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x21, 8); // 1 January 1980, zip's first day
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** w0, b0, w1, b1, … for numpy.load. */
export function networkNpz(): Buffer {
  return zip(
    layers().flatMap(({ from, to, weights, bias }, i): [string, Buffer][] => [
      [`w${i}.npy`, npy([from, to], weights)],
      [`b${i}.npy`, npy([to], bias)],
    ]),
  );
}
