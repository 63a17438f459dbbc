// Request ids: a request without one gets one before it is forwarded, and the answer carries it. The bytes are not
// decoded: in protobuf a later occurrence of a scalar field wins, so `ModelInferRequest.id = 3` is appended.

/** `id` is ASCII and shorter than 128. */
export function withRequestId(request: Uint8Array, id: string, allocate: (size: number) => Uint8Array): Uint8Array {
  const at = request.length;
  const out = allocate(at + 2 + id.length);
  out.set(request, 0);
  out[at] = 0x1a;
  out[at + 1] = id.length;
  for (let i = 0; i < id.length; i++) out[at + 2 + i] = id.charCodeAt(i);
  return out;
}
