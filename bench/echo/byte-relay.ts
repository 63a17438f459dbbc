// The floor of any hop: bytes of each connection passed on to another port and back, nothing looked at. What it adds to
// a call is what this machine takes to wake one more Node process twice.
// `node dist/bench/echo/byte-relay.js <port> <to port>` runs until SIGTERM.

import { connect, createServer } from 'node:net';

const [port = 0, toPort = 0] = process.argv.slice(2).map(Number);

const server = createServer({ noDelay: true }, (client) => {
  const upstream = connect({ port: toPort, host: '127.0.0.1', noDelay: true });
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy());
  upstream.on('error', () => client.destroy());
});

server.listen(port, '127.0.0.1', () => process.stdout.write(`listening ${port}\n`));
