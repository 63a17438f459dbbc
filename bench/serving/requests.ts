// The payloads of the bench, the same for every system: eight float32 features of one row, raw over gRPC, as JSON and
// as binary tensors over REST; and tensors of any size.

import { encodeInferRequest, Tensor } from '@millrace/inference';

export const ROW = Float32Array.from([0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);

/** ModelInferRequest with one raw FP32 input. */
export function grpcRequest(model: string, input: string, values: Float32Array): Buffer {
  return Buffer.from(
    encodeInferRequest({
      modelName: model,
      modelVersion: '',
      id: '',
      parameters: {},
      inputs: [Tensor.of(input, 'FP32', [1, values.length], values)],
      outputs: [],
    }),
  );
}

/** What every system calls the bench's network. */
export const NETWORK = 'mlp';

export const networkRequest = (): Buffer => grpcRequest(NETWORK, 'x', ROW);

export interface RestBody {
  headers: Record<string, string>;
  body: Buffer;
}

export function jsonBody(): RestBody {
  const inputs = [{ name: 'x', shape: [1, ROW.length], datatype: 'FP32', data: [...ROW] }];
  return { headers: { 'Content-Type': 'application/json' }, body: Buffer.from(JSON.stringify({ inputs })) };
}

/** Binary tensors in both directions. */
export function binaryBody(): RestBody {
  const head = JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [{ name: 'x', shape: [1, ROW.length], datatype: 'FP32', parameters: { binary_data_size: ROW.byteLength } }],
  });
  return {
    headers: { 'Content-Type': 'application/octet-stream', 'Inference-Header-Content-Length': String(head.length) },
    body: Buffer.concat([Buffer.from(head), Buffer.from(ROW.buffer)]),
  };
}
