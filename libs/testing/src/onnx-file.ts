// Small ONNX files for tests, benches and examples/model-repository: a graph of operators over declared tensors,
// written as protobuf by hand (onnx.ModelProto; only the fields named below), so that no Python is needed to make one.

/** onnx.TensorProto.DataType by V2 datatype. */
const ELEMENT_TYPE: Readonly<Record<string, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

export interface OnnxValue {
  name: string;
  /** V2's name of the element type, for example "FP32". */
  datatype: string;
  /** A text is a symbolic dimension; undefined = rank unknown. */
  shape: readonly (number | string)[] | undefined;
  /**
   * A sequence of maps from INT64 to scalars of `datatype` instead of a tensor, as scikit-learn's ZipMap gives; no
   * shape.
   */
  maps?: boolean;
}

export interface OnnxOperator {
  op: string;
  /** Default '' = ONNX's own; 'ai.onnx.ml' is there too. */
  domain?: string;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Integers, or lists of integers. */
  attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxConstant {
  name: string;
  dims: readonly number[];
  data: Float32Array | Int32Array | BigInt64Array;
}

export interface OnnxFile {
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
  nodes: readonly OnnxOperator[];
  constants?: readonly OnnxConstant[];
  /** Default 17. */
  opset?: number;
}

const ML = 'ai.onnx.ml';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const integer = (field: number, value: number | bigint): Uint8Array =>
  Uint8Array.from([...varint(field << 3), ...varint(value)]);

function delimited(field: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(parts);
  return joined([Uint8Array.from([...varint((field << 3) | 2), ...varint(content.length)]), content]);
}

/**
 * TypeProto.Tensor{elem_type=1, shape=2{dim=1{dim_value=1 | dim_param=2}}} in ValueInfoProto{name=1,
 * type=2{tensor_type=1}}.
 */
function valueInfo({ name, datatype, shape, maps = false }: OnnxValue): Uint8Array {
  const element = ELEMENT_TYPE[datatype];
  if (element === undefined) throw new Error(`ONNX has no element type ${datatype}`);
  if (maps) {
    // TypeProto{sequence_type=4{elem_type=1: TypeProto{map_type=5{key_type=1, value_type=2: TypeProto}}}}.
    const map = delimited(5, integer(1, ELEMENT_TYPE.INT64 as number), delimited(2, delimited(1, integer(1, element))));
    return joined([delimited(1, text(name)), delimited(2, delimited(4, delimited(1, map)))]);
  }
  const dims = shape?.map((dim) => delimited(1, typeof dim === 'number' ? integer(1, dim) : delimited(2, text(dim))));
  const tensor = [integer(1, element), ...(dims ? [delimited(2, ...dims)] : [])];
  return joined([delimited(1, text(name)), delimited(2, delimited(1, ...tensor))]);
}

/** AttributeProto{name=1, i=3, ints=8, type=20: INT=2, INTS=7}. */
function attribute(name: string, value: number | readonly number[]): Uint8Array {
  const parts =
    typeof value === 'number'
      ? [integer(3, value), integer(20, 2)]
      : [...value.map((item) => integer(8, item)), integer(20, 7)];
  return delimited(5, delimited(1, text(name)), ...parts);
}

/** NodeProto{input=1, output=2, op_type=4, attribute=5, domain=7}. */
function node({ op, domain = '', inputs, outputs, attributes = {} }: OnnxOperator): Uint8Array {
  return joined([
    ...inputs.map((name) => delimited(1, text(name))),
    ...outputs.map((name) => delimited(2, text(name))),
    delimited(4, text(op)),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    delimited(7, text(domain)),
  ]);
}

/** TensorProto{dims=1, data_type=2, name=8, raw_data=9}. */
function constant({ name, dims, data }: OnnxConstant): Uint8Array {
  const type = data instanceof Float32Array ? 'FP32' : data instanceof Int32Array ? 'INT32' : 'INT64';
  return joined([
    ...dims.map((dim) => integer(1, dim)),
    integer(2, ELEMENT_TYPE[type] as number),
    delimited(8, text(name)),
    delimited(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ]);
}

/**
 * ModelProto{ir_version=1, producer_name=2, graph=7{node=1, name=2, initializer=5, input=11, output=12},
 * opset_import=8{domain=1, version=2}}.
 */
export function onnxFile({ inputs, outputs, nodes, constants = [], opset = 17 }: OnnxFile): Uint8Array {
  const graph = [
    ...nodes.map((item) => delimited(1, node(item))),
    delimited(2, text('graph')),
    ...constants.map((item) => delimited(5, constant(item))),
    ...inputs.map((value) => delimited(11, valueInfo(value))),
    ...outputs.map((value) => delimited(12, valueInfo(value))),
  ];
  return joined([
    integer(1, 8),
    delimited(2, text('millrace')),
    delimited(7, ...graph),
    delimited(8, integer(2, opset)),
    ...(nodes.some(({ domain }) => domain === ML) ? [delimited(8, delimited(1, text(ML)), integer(2, 3))] : []),
  ]);
}
