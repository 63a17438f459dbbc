import { describe, expect, it } from '@jest/globals';
import fastify from 'fastify';
import { noJobs, registerJobs } from './jobs.http.js';

describe('jobs over HTTP', () => {
  it('says what to do where there are none', async () => {
    const root = fastify();
    await registerJobs(root, noJobs(true));
    const at = await root.listen({ port: 0, host: '127.0.0.1' });
    for (const [method, path] of [
      ['POST', '/v1/jobs'],
      ['GET', '/v1/jobs/night'],
      ['DELETE', '/v1/jobs/night'],
    ] as const) {
      const answer = await fetch(`${at}${path}`, { method });
      expect([answer.status, await answer.json()]).toEqual([
        501,
        { error: { code: 'unimplemented', message: expect.stringContaining('MILLRACE_SERVING_PROCESSES=1') } },
      ]);
    }
    await root.close();
  });
});
