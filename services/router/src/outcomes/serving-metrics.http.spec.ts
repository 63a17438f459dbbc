import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ServingMetrics } from './serving-metrics.http.js';

const TEXT = `# HELP nv_inference_count Rows inferred
# TYPE nv_inference_count counter
nv_inference_count{model="m",version="1"} 7
# HELP millrace_serving_models_ready Versions
millrace_serving_models_ready 1
# a comment about nv_inference_count
`;

const place = (server: Server) => {
  const httpPort = (server.address() as AddressInfo).port;
  return { address: `127.0.0.1:${httpPort}`, host: '127.0.0.1', httpPort };
};

describe('ServingMetrics', () => {
  let server: Server | undefined;
  let metrics: ServingMetrics | undefined;

  async function asked(status: number, text: string): Promise<string> {
    server = createServer((_request, response) => response.writeHead(status).end(text));
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    metrics = new ServingMetrics([place(server)]);
    return metrics.read();
  }

  afterEach(() => {
    metrics?.close();
    server?.close();
  });

  it('takes Triton’s families and leaves serving’s own', async () => {
    expect(await asked(200, TEXT)).toBe(TEXT.split('\n').slice(0, 3).join('\n').concat('\n'));
  });

  it.each([
    ['refuses', 503, TEXT],
    ['has none', 200, 'up 1\n'],
    ['says more than a scrape should', 200, 'nv_x 1\n'.repeat(700_000)],
  ])('gives nothing where serving %s', async (_what, status, text) => {
    expect(await asked(status, text)).toBe('');
  });

  it('says of several servings whose a series is, family by family', async () => {
    await asked(200, TEXT);
    const second = createServer((_request, response) =>
      response.writeHead(200).end('# TYPE nv_inference_count counter\nnv_inference_count 2\n'),
    );
    await new Promise<void>((listening) => second.listen(0, '127.0.0.1', listening));
    const places = [place(server as Server), place(second)] as const;
    const both = new ServingMetrics(places);
    expect((await both.read()).split('\n')).toEqual([
      '# HELP nv_inference_count Rows inferred',
      '# TYPE nv_inference_count counter',
      `nv_inference_count{serving="${places[0].address}",model="m",version="1"} 7`,
      `nv_inference_count{serving="${places[1].address}"} 2`,
      '',
    ]);
    both.close();
    second.close();
  });

  it('gives nothing while serving is away', async () => {
    await asked(200, TEXT);
    await new Promise((closed) => {
      server?.close(closed);
      server?.closeAllConnections();
    });
    expect(await metrics?.read()).toBe('');
  });
});
