// Clients and status codes over a real loopback connection.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RelayService, relayPb, TrainingService } from '@millrace/contracts';
import { ERROR_CODES, PlatformError } from '@millrace/domain';
import { createClient } from './client.js';
import { bindService, type GrpcServiceBinding } from './http2-server/bindings.js';
import { streaming } from './http2-server/calls.js';
import { type RunningHttp2Server, startHttp2Server } from './http2-server/server.js';
import { fromServiceError, STATUS_BY_CODE, toServiceError } from './status.js';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(services: readonly GrpcServiceBinding[]): Promise<RunningHttp2Server> {
  const server = await startHttp2Server({ port: 0, services });
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
    let arrived = (): void => undefined;
    const held = () => {
      arrived();
      return new Promise<{ trainingId: string }>(() => undefined);
    };
    const server = await serve([bindService(TrainingService, { startTraining: held })]);
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    await expect(client.startTraining({}, { deadlineMs: 100 })).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const abort = new AbortController();
    arrived = () => abort.abort();
    const aborted = client.startTraining({}, { signal: abort.signal });
    await expect(aborted).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('say unavailable where nobody listens', async () => {
    const client = clientOf(createClient(TrainingService, '127.0.0.1:1'));
    await expect(client.startTraining({}, { deadlineMs: 1000 })).rejects.toMatchObject({ code: 'unavailable' });
    await expect(client.waitForReady(100)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('streams', () => {
  it('exchange frames both ways, answered out of order', async () => {
    const exchange = streaming((stream) => {
      stream.onMessage = (bytes) => {
        const { frames } = fromBinary(relayPb.ExchangeRequestSchema, bytes);
        const answered = [...frames].reverse().map(({ id }) => ({ id, status: 0 }));
        stream.write(
          toBinary(relayPb.ExchangeResponseSchema, create(relayPb.ExchangeResponseSchema, { frames: answered })),
        );
      };
      stream.onEnd = () => stream.end();
    });
    const server = await serve([bindService(RelayService, {}, { bytes: { exchange } })]);
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

  it('of the server end with the code of its refusal', async () => {
    const watchTraining = streaming((stream) => {
      stream.onMessage = () => {
        stream.write(new Uint8Array(0));
        stream.refuse(status.NOT_FOUND, 'no such training', 'not_found');
      };
    });
    const server = await serve([bindService(TrainingService, {}, { bytes: { watchTraining } })]);
    const client = clientOf(createClient(TrainingService, `127.0.0.1:${server.port}`));
    const stream = client.watchTraining({ project: 'p' });
    const error = await new Promise((resolve) => {
      stream.on('data', () => undefined);
      stream.on('error', resolve);
    });
    expect(fromServiceError(error)).toMatchObject({ code: 'not_found', reason: 'no such training' });
  });
});
