// The ceiling that serving is measured against: a grpc-js server whose ModelInfer decodes and encodes with protobuf-es
// and echoes its raw inputs as outputs, without a model. Prints "listening <port>" and runs until SIGTERM.
// `node dist/bench/echo/echo.js [port]`

import { create } from '@bufbuild/protobuf';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import { serviceDefinition } from '@millrace/grpc';

type Request = inferencePb.ModelInferRequest;
type Response = inferencePb.ModelInferResponse;

const server = new Server();
server.addService(serviceDefinition(GRPCInferenceService), {
  ModelInfer(call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) {
    const { modelName, modelVersion, id, inputs, rawInputContents } = call.request;
    callback(
      null,
      create(inferencePb.ModelInferResponseSchema, {
        modelName,
        modelVersion,
        id,
        outputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        rawOutputContents: rawInputContents,
      }),
    );
  },
});

server.bindAsync(`127.0.0.1:${process.argv[2] ?? 0}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.stdout.write(`listening ${port}\n`);
});
process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
