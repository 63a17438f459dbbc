import { connect, createServer, type Server } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePort } from '@millrace/testing';
import { neverToItself } from './to-itself.js';

const HOST = '127.0.0.1';

describe('neverToItself', () => {
  it('ends a socket that TCP has connected to itself, and frees the port for who wants to listen there', async () => {
    const port = await freePort();
    const socket = neverToItself(connect({ host: HOST, port, localPort: port }));
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toBe(`nobody listens on port ${port}: it was connected to itself`);
    const server = await listening(port);
    server.close();
  });

  it('leaves any other socket alone', async () => {
    const port = await freePort();
    const server = await listening(port);
    const socket = neverToItself(connect({ host: HOST, port }));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', resolve);
    });
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    server.close();
  });
});

function listening(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, HOST, () => resolve(server));
  });
}
