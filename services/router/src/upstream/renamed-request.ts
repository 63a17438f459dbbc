// A ModelInferRequest under another model name or version, undecoded: in protobuf a later occurrence of a scalar field
// wins, so `model_name = 1` and `model_version = 2` are appended.

import { textFieldBytes, WireWriter } from '@millrace/wire';

/** '' = as it came. */
export function renamedRequest(
  request: Uint8Array,
  model: string,
  version: string,
  allocate: (size: number) => Uint8Array,
): Uint8Array {
  const more = textFieldBytes(model) + textFieldBytes(version);
  if (more === 0) return request;
  const writer = new WireWriter(allocate(request.length + more));
  writer.bytes.set(request, 0);
  writer.at = request.length;
  writer.text(1, model);
  writer.text(2, version);
  return writer.bytes;
}
