// Client and native server over a real loopback connection.

import { create, toBinary } from '@bufbuild/protobuf';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  GRPCInferenceService,
  Health,
  inferencePb,
  RelayService,
  relayPb,
  TrainingService,
  trainingPb,
} from '@millrace/contracts';
import { ERROR_CODES, PlatformError } from '@millrace/domain';
import { createClient } from './client.js';
import { bindService, type GrpcServerSettings, type RunningGrpcServer, startGrpcServer } from './server.js';
import { asBuffer } from './service-definition.js';
import { fromServiceError, STATUS_BY_CODE, toServiceError } from './status.js';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(services: GrpcServerSettings['services']): Promise<RunningGrpcServer> {
  const server = await startGrpcServer({ port: 0, services });
  closers.push(() => server.close(200));
  return server;
}

function clientOf<C extends { close(): void }>(client: C): C {
  closers.push(() => client.close());
  return client;
}

describe('status codes', () => {
  it.each(ERROR_CODES)('%s travels and comes back as itself', (code) => {
    const failed = toServiceError(new PlatformError(code, 'why'));
    expect(failed.code).toBe(STATUS_BY_CODE[code]);
    expect(fromServiceError(failed)).toMatchObject({ code, reason: 'why' });
  });

  it('of a foreign server become the nearest code', () => {
    expect(fromServiceError({ code: status.ABORTED, details: 'x' })).toMatchObject({ code: 'conflict' });
    expect(fromServiceError({ code: status.UNAUTHENTICATED, details: 'x' })).toMatchObject({
      code: 'permission_denied',
    });
    expect(fromServiceError(new Error('no grpc at all'))).toMatchObject({ code: 'internal' });
  });
});

describe('unary calls', () => {
  it('carry plain objects in, messages out, and errors with their code', async () => {
    const server = await serve([
      bindService(TrainingService, {
        startTraining: async (request) => {
          if (request.project === '') throw new PlatformError('invalid_argument', 'no project');
          return { trainingId: `${request.project}-${request.seed}` };
        },
      }),
    ]);
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    await client.waitForReady(2000);
    expect((await client.startTraining({ project: 'p', seed: 7n })).trainingId).toBe('p-7');
    await expect(client.startTraining({})).rejects.toMatchObject({ code: 'invalid_argument', reason: 'no project' });
    await expect(client.listModelVersions({ project: 'p' })).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('end at their deadline and at an abort', async () => {
    const server = await serve([
      bindService(TrainingService, { startTraining: () => new Promise<{ trainingId: string }>(() => undefined) }),
    ]);
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    await expect(client.startTraining({}, { deadlineMs: 100 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const abort = new AbortController();
    const aborted = client.startTraining({}, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('say unavailable where nobody listens', async () => {
    const client = clientOf(createClient(TrainingService, '127.0.0.1:1'));
    await expect(client.startTraining({}, { deadlineMs: 1000 })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(client.waitForReady(100)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('of a raw method give and take the bytes of the wire', async () => {
    const response = create(inferencePb.ModelInferResponseSchema, { modelName: 'm', modelVersion: '3' });
    let seen: unknown;
    const server = await serve([
      bindService(
        GRPCInferenceService,
        {},
        {
          raw: ['modelInfer'],
          native: {
            modelInfer: ((call: { request: Buffer }, callback: (error: null, value: Buffer) => void) => {
              seen = call.request;
              callback(null, asBuffer(toBinary(inferencePb.ModelInferResponseSchema, response)));
            }) as never,
          },
        },
      ),
    ]);
    const client = clientOf(createClient(GRPCInferenceService, `127.0.0.1:${server.port}`));
    expect((await client.modelInfer({ modelName: 'm' })).modelVersion).toBe('3');
    expect(Buffer.isBuffer(seen)).toBe(true);
  });
});

describe('streams', () => {
  it('exchange frames both ways, answered out of order', async () => {
    const server = await serve([
      bindService(RelayService, {
        exchange: (call: ServerDuplexStream<relayPb.ExchangeRequest, relayPb.ExchangeResponse>) => {
          call.on('data', (request: relayPb.ExchangeRequest) => {
            const frames = [...request.frames].reverse().map(({ id }) => ({ id, status: 0 }));
            call.write(create(relayPb.ExchangeResponseSchema, { frames }));
          });
          call.on('end', () => call.end());
        },
      }),
    ]);
    const client = clientOf(createClient(RelayService, `127.0.0.1:${server.port}`));
    const stream = client.exchange();
    const answered: number[] = [];
    const done = new Promise<void>((resolve, reject) => {
      stream.on('data', (response: relayPb.ExchangeResponse) =>
        answered.push(...response.frames.map((frame) => Number(frame.id))),
      );
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    stream.write(create(relayPb.ExchangeRequestSchema, { frames: [1n, 2n, 3n].map((id) => ({ id })) }));
    stream.end();
    await done;
    expect(answered).toEqual([3, 2, 1]);
  });

  it('of the server end with the code of what the handler threw', async () => {
    const server = await serve([
      bindService(TrainingService, {
        watchTraining: (call) => {
          call.write(create(trainingPb.WatchTrainingResponseSchema, {}));
          throw new PlatformError('not_found', 'no such training');
        },
      }),
    ]);
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    const stream = client.watchTraining({ project: 'p' });
    const error = await new Promise((resolve) => {
      stream.on('data', () => undefined);
      stream.on('error', resolve);
    });
    expect(fromServiceError(error)).toMatchObject({ code: 'not_found' });
  });
});

describe('the server', () => {
  it('answers grpc.health.v1 and tells watchers when it stops serving', async () => {
    const server = await serve([]);
    const client = clientOf(createClient(Health, `127.0.0.1:${server.port}`));
    expect((await client.check({})).status).toBe(1);
    const states: number[] = [];
    const watching = client.watch({});
    const ended = new Promise<void>((resolve) => watching.on('end', resolve));
    watching.on('data', (response) => {
      states.push(response.status);
      if (states.length === 1) void server.close(1_000);
    });
    await ended;
    expect(states).toEqual([1, 2]);
  });

  it('names the address that is taken', async () => {
    const server = await serve([]);
    await expect(startGrpcServer({ port: server.port, services: [] })).rejects.toMatchObject({
      code: 'unavailable',
      facts: { address: `127.0.0.1:${server.port}` },
    });
  });

  it('cuts calls that outlive the grace', async () => {
    const server = await startGrpcServer({
      port: 0,
      services: [
        bindService(TrainingService, { startTraining: () => new Promise<{ trainingId: string }>(() => undefined) }),
      ],
    });
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    const hanging = client.startTraining({}, { deadlineMs: 10_000 });
    const failed = expect(hanging).rejects.toMatchObject({ code: expect.stringMatching(/unavailable|cancelled/) });
    await client.waitForReady(1000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.close(100);
    await failed;
  });
});
