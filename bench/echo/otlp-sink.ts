// Where the measured process sends its traces: takes every export and answers 200 with nothing.
// `node dist/bench/echo/otlp-sink.js [port]` prints "listening <port>" and runs until SIGTERM.

import { createServer } from 'node:http';

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
});
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`);
});
process.on('SIGTERM', () => process.exit(0));
