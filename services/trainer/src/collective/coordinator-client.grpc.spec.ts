import { createServer, type Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { freePort } from '@millrace/testing';
import { CoordinatorClient } from './coordinator-client.grpc.js';

it('waited for ever for a trainer whose system connects and that says nothing, though another one was at work', async () => {
  const silent: Socket[] = [];
  const server = createServer((socket) => silent.push(socket.on('error', () => undefined)));
  const port = await freePort();
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  const elsewhere = await freePort();
  const lost: string[] = [];
  const client = new CoordinatorClient(
    {
      addresses: [`127.0.0.1:${port}`, `127.0.0.1:${elsewhere}`],
      hello: { workerId: 'w', host: '127.0.0.1', port: 1, device: 'cpu', processId: 1 },
      heartbeatMs: 1_000,
      onMessage: () => undefined,
      onLost: (reason) => lost.push(reason),
    },
    systemClock,
  );
  client.start();
  // The silent one is given up, and the other asked, where nobody listens.
  while (!lost.some((reason) => reason.includes(String(elsewhere)))) await new Promise((wake) => setTimeout(wake, 20));
  expect(silent).not.toEqual([]);
  expect(lost[0]).toContain('CANCELLED');
  client.close();
  for (const socket of silent) socket.destroy();
  await new Promise((closed) => server.close(closed));
}, 60_000);
