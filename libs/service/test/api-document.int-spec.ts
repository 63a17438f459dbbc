// A running service and the document of its API: it serves it, and does not start where the two differ.

import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { type Api, ingestApi } from '@millrace/api';
import { commonSettings } from '@millrace/deployment';
import { Answers, defineService } from '@millrace/service';
import { Controller, Get } from '@nestjs/common';

const { projects } = ingestApi.endpoints;
const api = { service: 'demo', summary: 'Lists projects.', endpoints: { projects } } satisfies Api;

@Controller()
class Told {
  @Answers(projects)
  list() {
    return { projects: [] };
  }
}

@Controller('v1')
class Untold {
  @Get('secret')
  secret(): unknown {
    return {};
  }
}

const demo = (...controllers: (typeof Told | typeof Untold)[]) =>
  defineService({
    name: 'demo',
    settings: commonSettings,
    build: () => ({ http: { port: 0, api }, controllers }),
  });

describe('the document of a service’s API', () => {
  it('is served beside the calls that it names', async () => {
    const service = await demo(Told).start();
    try {
      const answer = await fetch(`http://127.0.0.1:${service.httpPort}/openapi.json`);
      expect(answer.headers.get('content-type')).toMatch('application/json');
      const document = (await answer.json()) as { openapi: string; paths: object };
      expect(document.openapi).toMatch(/^3\.1\./);
      expect(Object.keys(document.paths)).toEqual([projects.path]);
      expect((await fetch(`http://127.0.0.1:${service.httpPort}${projects.path}`)).status).toBe(200);
    } finally {
      await service.stop();
    }
  });

  it('names no call that nobody answers: the service does not start', async () => {
    await expect(demo().start()).rejects.toThrow(`names calls of demo that nobody answers: GET ${projects.path}`);
  });

  it('leaves no call out: the service does not start', async () => {
    await expect(demo(Told, Untold).start()).rejects.toThrow(
      'demo answers calls that libs/api does not name: GET /v1/secret',
    );
  });
});
