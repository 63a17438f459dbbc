import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import type { Addresses } from './addresses.js';
import { ControlClient } from './control.http.js';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

/** A client of a service that answers nothing but, perhaps, that it lives. */
async function clientOf(lives: boolean, deadlineMs?: number): Promise<ControlClient> {
  server = createServer((request, response) => {
    if (lives && request.url === '/health/live') response.end('{}');
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new ControlClient({ trainer: address } as Addresses, deadlineMs);
}

it('tells a service that hangs within 5 s, long before the deadline of a call', async () => {
  const client = await clientOf(false);
  await expect(client.loop('p')).rejects.toThrow(/no answer within 5 s: the service hangs. `millrace status`/);
}, 10_000);

it('waits for a service that says that it lives until the deadline', async () => {
  const client = await clientOf(true, 6_000);
  await expect(client.loop('p')).rejects.toThrow('no answer within 6 s: the service has too much to do.');
}, 15_000);

it('waits until the deadline for what may have changed something', async () => {
  const client = await clientOf(false, 6_000);
  await expect(client.loopCommand('p', 'stop')).rejects.toThrow(
    'no answer within 6 s: the service hangs or has too much',
  );
}, 15_000);
