// The ceiling of streams: a grpc-js server whose bidirectional ModelStreamInfer decodes and encodes with protobuf-es
// and echoes each message's raw inputs as outputs, without a model.
// `node dist/bench/echo/stream-echo.js [port]` prints "listening <port>" and runs until SIGTERM.

import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import { serviceDefinition } from '@millrace/grpc';

type Request = inferencePb.ModelInferRequest;
type Response = inferencePb.ModelStreamInferResponse;

const server = new Server();
server.addService(serviceDefinition(GRPCInferenceService), {
  ModelStreamInfer(call: ServerDuplexStream<Request, Response>) {
    call.on('data', ({ modelName, modelVersion, id, inputs, rawInputContents }: Request) => {
      call.write(
        create(inferencePb.ModelStreamInferResponseSchema, {
          inferResponse: {
            modelName,
            modelVersion,
            id,
            outputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
            rawOutputContents: rawInputContents,
          },
        }),
      );
    });
    call.on('end', () => call.end());
  },
});

server.bindAsync(`127.0.0.1:${process.argv[2] ?? 0}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening ${port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
