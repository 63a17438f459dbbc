// A jest environment for specs that call a native addon (ONNX Runtime, TensorFlow): such an addon makes the typed
// arrays of Node's own realm, and checks with instanceof; jest's sandbox has others. Chosen by `@jest-environment` in
// the spec's head.
import PlainGlobal from './plain-global.mjs';

const SHARED = [
  ArrayBuffer,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  BigUint64Array,
  BigInt64Array,
  Float32Array,
  Float64Array,
];

export default class NativeArrays extends PlainGlobal {
  constructor(...args) {
    super(...args);
    for (const array of SHARED) this.global[array.name] = array;
  }
}
