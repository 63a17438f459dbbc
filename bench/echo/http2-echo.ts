// The ceiling of ceilings: ModelInfer on a bare node:http2 server, decoded and encoded with protobuf-es like the
// grpc-js echo and answered without a model. No deadlines, no errors, no compression: what Node's HTTP/2 itself
// carries. `node dist/bench/echo/http2-echo.js [port]` prints "listening <port>" and runs until SIGTERM.

import { createServer, type ServerHttp2Stream } from 'node:http2';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { inferencePb } from '@millrace/contracts';

/** compressed flag (0), then the length in four bytes. */
const FRAME_HEAD = 5;
const HEADERS = { ':status': 200, 'content-type': 'application/grpc+proto' };
const OK = { 'grpc-status': '0' };

function answer(frame: Buffer): Buffer {
  const { modelName, modelVersion, id, inputs, rawInputContents } = fromBinary(
    inferencePb.ModelInferRequestSchema,
    frame.subarray(FRAME_HEAD),
  );
  const body = toBinary(
    inferencePb.ModelInferResponseSchema,
    create(inferencePb.ModelInferResponseSchema, {
      modelName,
      modelVersion,
      id,
      outputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      rawOutputContents: rawInputContents,
    }),
  );
  const out = Buffer.allocUnsafe(FRAME_HEAD + body.length);
  out[0] = 0;
  out.writeUInt32BE(body.length, 1);
  out.set(body, FRAME_HEAD);
  return out;
}

const server = createServer();
server.on('stream', (stream: ServerHttp2Stream) => {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.respond(HEADERS, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(OK));
    stream.end(answer(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
  });
  stream.on('error', () => stream.close());
});

server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
