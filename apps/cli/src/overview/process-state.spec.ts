import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { stateOf } from './process-state.http.js';

const closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function answering(status: number, body: string, type = 'application/json'): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  closers.push(() => void server.close());
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it('says of a process that is not ready why, and of one that is what troubles it all the same', async () => {
  const checks = { transports: 'ok', kafka: 'not ready', store: 'no answer within 1500 ms' };
  const troubles = ['predictions cannot be logged'];
  expect(await stateOf(await answering(503, JSON.stringify({ checks, troubles })))).toEqual({
    state: 'not ready (503)',
    troubles: ['kafka: not ready', 'store: no answer within 1500 ms', ...troubles],
  });
  expect(await stateOf(await answering(200, JSON.stringify({ checks: { transports: 'ok' }, troubles })))).toEqual({
    state: 'ready',
    troubles,
  });
  // One of a release that tells neither.
  expect(await stateOf(await answering(200, '{}'))).toEqual({ state: 'ready', troubles: [] });
});

it('tells another program, and one that is down', async () => {
  const page = await answering(200, '<html>', 'text/html');
  expect((await stateOf(page)).state).toBe('another program listens there');
  expect((await stateOf(await answering(200, 'no JSON'))).state).toBe('another program listens there');
  expect(await stateOf('http://127.0.0.1:9')).toEqual({ state: 'down', troubles: [] });
});
