// An OnnxGraph as the bytes of model.onnx (proto/onnx/onnx.proto).

import { create, toBinary } from '@bufbuild/protobuf';
import { onnxPb } from '@millrace/contracts';
import { IR_VERSION, type OnnxGraph, type OnnxTensor, OPSET } from './onnx-graph.js';

/** onnx.TensorProto.DataType. */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;

function tensor({ name, dims, data }: OnnxTensor) {
  const dataType = data instanceof Float32Array ? FLOAT : data instanceof Int32Array ? INT32 : INT64;
  return {
    name,
    dims: dims.map(BigInt),
    dataType,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(),
  };
}

function valueInfo(name: string, width: number) {
  const dim = [
    { value: { case: 'dimParam' as const, value: 'N' } },
    { value: { case: 'dimValue' as const, value: BigInt(width) } },
  ];
  return { name, type: { value: { case: 'tensorType' as const, value: { elemType: FLOAT, shape: { dim } } } } };
}

export function encodeOnnxModel(graph: OnnxGraph, name: string): Uint8Array {
  const model = create(onnxPb.ModelProtoSchema, {
    irVersion: BigInt(IR_VERSION),
    producerName: 'millrace',
    opsetImport: [{ domain: '', version: BigInt(OPSET) }],
    graph: {
      name,
      node: graph.nodes.map((node) => ({
        name: node.output,
        opType: node.op,
        input: [...node.inputs],
        output: [node.output],
        attribute: Object.entries(node.attributes).map(([key, value]) => ({
          name: key,
          i: BigInt(value),
          type: onnxPb.AttributeProto_AttributeType.INT,
        })),
      })),
      initializer: graph.initializers.map(tensor),
      input: [valueInfo('x', graph.inputWidth)],
      output: [valueInfo('probability', 1)],
    },
  });
  return toBinary(onnxPb.ModelProtoSchema, model);
}
