// The ceiling of large tensors: a grpc-js server that answers ModelInfer with the bytes it got, decoding nothing. A
// request read as an answer has no outputs' contents, but every byte of it has crossed the wire both ways.
// `node dist/bench/echo/byte-echo.js [port]` prints "listening <port>" and runs until SIGTERM.

import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';

const MESSAGE_BYTES_MAX = 64 << 20;
const same = (bytes: Buffer): Buffer => bytes;

const server = new Server({
  'grpc.max_receive_message_length': MESSAGE_BYTES_MAX,
  'grpc.max_send_message_length': MESSAGE_BYTES_MAX,
});
server.addService(
  {
    ModelInfer: {
      path: '/inference.GRPCInferenceService/ModelInfer',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  },
  {
    ModelInfer(call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
      callback(null, call.request);
    },
  },
);

server.bindAsync(`127.0.0.1:${process.argv[2] ?? 0}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening ${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
