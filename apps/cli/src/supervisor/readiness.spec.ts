import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePort } from '@millrace/testing';
import { accepts } from './readiness.http.js';

const HOST = '127.0.0.1';

describe('accepts', () => {
  it('sees who listens', async () => {
    const server = createServer().listen(0, HOST);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    expect(await accepts(HOST, port)).toBe(true);
    await new Promise((closed) => server.close(closed));
    expect(await accepts(HOST, port)).toBe(false);
  });

  it('takes no probe that TCP has connected to itself for somebody who listens, and leaves the port free', async () => {
    const port = await freePort();
    expect(await accepts(HOST, port, port)).toBe(false);
    const server = createServer().listen(port, HOST);
    await once(server, 'listening');
    await new Promise((closed) => server.close(closed));
  });
});
