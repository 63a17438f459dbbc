// Tensors between V2's bytes and TensorFlow's library, through the addon of tfjs-node. The addon itself takes and gives
// only six types; every other goes through TensorFlow's own operators: in as bytes and Bitcast, out by Bitcast where
// the width is that of a type it gives, else by a Cast to a wider one. All of them are exact.

import { PlatformError } from '@millrace/domain';
import { type Datatype, ELEMENT_BYTES, Tensor, type TypedValues } from '@millrace/inference';
import * as tf from '@tensorflow/tfjs-node-gpu';
import type { NodeJSKernelBackend } from '@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js';

/** tensorflow.DataType (types.proto) by V2 datatype. */
const TF_DATATYPE: Readonly<Record<Datatype, number>> = {
  FP32: 1,
  FP64: 2,
  INT32: 3,
  UINT8: 4,
  INT16: 5,
  INT8: 6,
  BYTES: 7,
  INT64: 9,
  BOOL: 10,
  BF16: 14,
  UINT16: 17,
  FP16: 19,
  UINT32: 22,
  UINT64: 23,
};

const V2_DATATYPE: ReadonlyMap<number, Datatype> = new Map(
  (Object.entries(TF_DATATYPE) as [Datatype, number][]).map(([datatype, number]) => [number, datatype]),
);

/** undefined = V2 has no such type (complex numbers, resources, quantised ones). */
export function datatypeOfTf(number: number): Datatype | undefined {
  return V2_DATATYPE.get(number);
}

type Binding = NodeJSKernelBackend['binding'];

export function tensorflow(): NodeJSKernelBackend {
  return tf.backend() as unknown as NodeJSKernelBackend;
}

/** Tensors of one call, all let go with `close`. */
export class CallTensors {
  private readonly ids: number[] = [];

  constructor(private readonly binding: Binding) {}

  /** The library may read the tensor's bytes in place until `close`. */
  put(tensor: Tensor): number {
    const { datatype, shape } = tensor;
    const number = TF_DATATYPE[datatype];
    switch (datatype) {
      case 'BYTES':
        return this.create(shape, number, tensor.elements());
      case 'FP32':
      case 'INT32':
      case 'UINT8':
      case 'BOOL':
        return this.create(shape, number, tensor.typed());
      case 'INT64': {
        // The addon takes 64-bit integers as pairs of 32-bit ones.
        const wide = tensor.typed();
        return this.create(shape, number, new Int32Array(wide.buffer, wide.byteOffset, tensor.count * 2));
      }
      default: {
        const size = ELEMENT_BYTES[datatype];
        const raw = tensor.rawBytes();
        const bytes = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
        const whole = this.create(size === 1 ? shape : [...shape, size], TF_DATATYPE.UINT8, bytes);
        return this.apply('Bitcast', { T: TF_DATATYPE.UINT8, type: number }, whole).id;
      }
    }
  }

  take(name: string, given: { id: number; shape: readonly number[]; dtype: number }): Tensor {
    this.ids.push(given.id);
    const { id, dtype, shape } = given;
    const datatype = datatypeOfTf(dtype);
    const read = (from: number): TypedValues => this.binding.tensorDataSync(from) as TypedValues;
    switch (datatype) {
      case undefined:
        throw new PlatformError('unimplemented', `output '${name}' is of TensorFlow's type ${dtype}, which V2 has not`);
      case 'BYTES':
        return Tensor.of(name, datatype, shape, this.binding.tensorDataSync(id) as unknown as Uint8Array[]);
      case 'FP32':
      case 'INT32':
      case 'INT64':
      case 'BOOL':
        return Tensor.raw(name, datatype, shape, bytesOf(read(id)));
      case 'FP64':
      case 'UINT64':
        return Tensor.raw(name, datatype, shape, bytesOf(read(this.bitcast(id, dtype, TF_DATATYPE.INT64))));
      case 'UINT32':
        return Tensor.raw(name, datatype, shape, bytesOf(read(this.bitcast(id, dtype, TF_DATATYPE.INT32))));
      case 'FP16':
      case 'BF16':
        return Tensor.of(name, datatype, shape, read(this.cast(id, dtype, TF_DATATYPE.FP32)));
      default:
        return Tensor.of(name, datatype, shape, read(this.cast(id, dtype, TF_DATATYPE.INT32)));
    }
  }

  close(): void {
    for (const id of this.ids) this.binding.deleteTensor(id);
    this.ids.length = 0;
  }

  private create(shape: readonly number[], dtype: number, data: TypedValues | readonly Uint8Array[]): number {
    const id = this.binding.createTensor([...shape], dtype, data as Float32Array);
    this.ids.push(id);
    return id;
  }

  private bitcast(id: number, from: number, to: number): number {
    return this.apply('Bitcast', { T: from, type: to }, id).id;
  }

  private cast(id: number, from: number, to: number): number {
    return this.apply('Cast', { SrcT: from, DstT: to }, id).id;
  }

  private apply(operator: string, types: Readonly<Record<string, number>>, id: number): { id: number } {
    const type = this.binding.TF_ATTR_TYPE;
    const attributes = Object.entries(types).map(([name, value]) => ({ name, type, value }));
    const [result] = this.binding.executeOp(operator, attributes, [id], 1);
    if (!result) throw new PlatformError('internal', `TensorFlow's ${operator} gave nothing`);
    this.ids.push(result.id);
    return result;
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
