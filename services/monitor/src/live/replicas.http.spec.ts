import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { trainerApi } from '@millrace/api';
import { freePort } from '@millrace/testing';
import { Replicas } from './replicas.http.js';

const servers: Server[] = [];
const FROM = { tool: 'dashboard', address: '10.0.0.7' };
const LOOP = {
  ...{ phase: 'calm', liveVersion: 0, previousVersion: 0, waitingVersion: 0, episode: null, coolUntilMs: 0 },
  ...{ waits: { for: 'drift', untilMs: null, clock: 'processing' }, history: [] },
};

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Answers each request so; `asked` grows. */
async function aService(status: number, body: unknown) {
  const asked: { method?: string | undefined; tool: unknown; from: unknown }[] = [];
  const server = createServer(({ method, headers }, response) => {
    asked.push({ method, tool: headers['millrace-tool'], from: headers['millrace-from'] });
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const standby = { error: { code: 'unavailable', message: 'another one does the work', facts: { standby: true } } };
const stop = (urls: string[]) =>
  new Replicas(trainerApi, urls).tell(FROM, (trainer) =>
    trainer.loopCommand({ path: { project: 'p', command: 'stop' }, body: { by: 'ada', reason: 'fire' } }),
  );

it('brings a word to the process that does the work, and says where it came from', async () => {
  const [one, other] = [await aService(503, standby), await aService(200, LOOP)];
  expect(await stop([`http://127.0.0.1:${await freePort()}`, one.url, other.url])).toMatchObject({ phase: 'calm' });
  expect([one.asked, other.asked]).toEqual([
    [{ method: 'POST', tool: 'dashboard', from: '10.0.0.7' }],
    [{ method: 'POST', tool: 'dashboard', from: '10.0.0.7' }],
  ]);
});

it('says a word to nobody else where the first may have done it', async () => {
  const failed = { error: { code: 'deadline_exceeded', message: 'no result in 5000 ms; it may still be applied' } };
  const [one, other] = [await aService(504, failed), await aService(200, LOOP)];
  await expect(stop([one.url, other.url])).rejects.toThrow('it may still be applied');
  expect(other.asked).toEqual([]);
});

it('asks whoever answers, and goes on asking there', async () => {
  const [one, other] = [await aService(500, {}), await aService(200, LOOP)];
  const replicas = new Replicas(trainerApi, [one.url, other.url]);
  const ask = () => replicas.ask((trainer) => trainer.loop({ path: { project: 'p' } }));
  await ask();
  await ask();
  expect([one.asked.length, other.asked.length]).toEqual([1, 2]);
});
