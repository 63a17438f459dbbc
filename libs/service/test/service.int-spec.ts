// The frame around a service, with Nest, the real Kafka and gRPC: order of boot and end, errors, health, streams, one
// trace through.

import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Health, IngestService } from '@millrace/contracts';
import { commonSettings } from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';
import { createClient, fromServiceError } from '@millrace/grpc';
import {
  type BatchResult,
  ensureTopics,
  type InboundMessage,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
} from '@millrace/kafka';
import { defineService, type RunningService } from '@millrace/service';
import { sampledTraceId } from '@millrace/telemetry';
import { eventually, freePort, startKafka, uniquePrefix } from '@millrace/testing';
import { Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { EventPattern, GrpcMethod, GrpcStreamCall, Server } from '@nestjs/microservices';

const seen: string[] = [];
const dead: InboundMessage[] = [];
const traces: string[] = [];
const order: string[] = [];
let healthy = true;
let trouble: string | undefined;
/** Of the stream that is held: what has arrived, and how to go on. */
const held = { arrived: 0, resume: () => undefined as void };

const GREETING = Symbol('greeting');
interface Stream {
  readonly metadata: { get(name: string): readonly unknown[] };
  on(event: 'data' | 'end', listener: () => void): void;
  pause(): void;
  resume(): void;
  end(): void;
}

@Controller('v1')
class DemoController {
  constructor(@Inject(GREETING) private readonly greeting: string) {}

  @Get('greeting')
  greet(): unknown {
    return { greeting: this.greeting };
  }

  @Get('fail')
  fail(): never {
    throw new PlatformError('not_found', 'nothing here', { facts: { looked: 'everywhere' } });
  }

  @Get('bug')
  bug(): never {
    throw new TypeError('secret detail');
  }

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return { body };
  }

  @GrpcMethod('IngestService', 'ListDatasetVersions')
  versions({ project }: { project: string }): unknown {
    if (project === '') throw new PlatformError('conflict', 'which project?');
    return { versions: [{ project, id: 'x' }] };
  }

  @GrpcStreamCall('IngestService', 'IngestRecords')
  ingest(call: Stream): void {
    if (String(call.metadata.get('mode')[0]) === 'refuse') throw new PlatformError('overloaded', 'no room');
    call.on('data', () => {
      held.arrived++;
      call.pause();
      held.resume = () => {
        held.resume = () => undefined;
        call.on('data', () => call.resume());
        call.resume();
      };
    });
    call.on('end', () => call.end());
  }

  @EventPattern('records.v1')
  async records(messages: InboundMessage[]): Promise<BatchResult | undefined> {
    const values = messages.map((message) => String(message.value));
    if (values.includes('poison')) throw new PlatformError('corrupt', 'poison');
    traces.push(sampledTraceId());
    seen.push(...values);
    return undefined;
  }

  @EventPattern('deadletter.v1')
  async deadLetters(messages: InboundMessage[]): Promise<void> {
    dead.push(...messages);
  }
}

let service: RunningService;
let producer: MessageProducer;
let connection: KafkaConnection;
let grpcPort: number;
let ticked = 0;
let url: string;

beforeAll(async () => {
  const kafka = await startKafka();
  connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: uniquePrefix() });
  await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
  producer = new MessageProducer(connection);
  grpcPort = await freePort();
  service = await defineService({
    name: 'demo',
    settings: commonSettings,
    build: ({ readiness, shutdown }) => {
      order.push('build');
      readiness.register('demo', () => healthy);
      readiness.tell(() => trouble);
      shutdown.onDrain('first', () => void order.push('drain 1'));
      shutdown.onDrain('second', () => void order.push('drain 2'));
      shutdown.onClose('opened first', () => void order.push('close 1'));
      shutdown.onClose('opened second', () => void order.push('close 2'));
      return {
        http: { port: 0, bodyBytesMax: 1000, prepare: () => void order.push('prepare') },
        grpc: { port: grpcPort, services: [IngestService] },
        controllers: [DemoController],
        provide: [[GREETING, 'hello']],
        consumers: [
          new KafkaStrategy({
            connection,
            groupId: 'demo',
            service: 'demo',
            producer,
            fetchBytesMin: 1,
            startWhen: async () => void order.push('consumers'),
          }),
        ],
        start: () => void order.push('start'),
        ticks: [
          {
            name: 'fails',
            everyMs: 5,
            work: () => {
              ticked++;
              throw new Error('once more');
            },
          },
        ],
        opened: () => void order.push('opened'),
      };
    },
  }).start();
  url = `http://127.0.0.1:${service.httpPort}`;
}, 120_000);

afterAll(async () => {
  await producer.close();
  await connection.close();
}, 30_000);

const ask = async (path: string, init?: RequestInit) => {
  const response = await fetch(url + path, init);
  const text = await response.text();
  return { status: response.status, text, json: () => JSON.parse(text) };
};

describe('a service', () => {
  it('starts in the documented order, and ticks although a tick fails', async () => {
    expect(order).toEqual(['build', 'prepare', 'start', 'consumers', 'opened']);
    expect((await ask('/v1/greeting')).json()).toEqual({ greeting: 'hello' });
    await eventually('ticks', () => ticked > 2);
  });

  it('is alive, and ready while its checks pass', async () => {
    const live = await ask('/health/live');
    expect(live.status).toBe(200);
    const { startedAtMs } = (await live.json()) as { startedAtMs: number };
    expect(Date.now() - startedAtMs).toBeLessThan(600_000);
    await eventually('ready', async () => (await ask('/health/ready')).status === 200);
    healthy = false;
    const report = await ask('/health/ready');
    expect(report.status).toBe(503);
    expect(report.json().checks).toEqual({ transports: 'ok', demo: 'not ready' });
    healthy = true;
    trouble = 'what it writes is not taken';
    const troubled = await ask('/health/ready');
    expect([troubled.status, troubled.json().troubles]).toEqual([200, [trouble]]);
    trouble = undefined;
    expect((await ask('/health/ready')).json().troubles).toEqual([]);
  });

  it('answers errors in one shape and keeps the inside to itself', async () => {
    expect(await ask('/v1/fail')).toMatchObject({ status: 404 });
    expect((await ask('/v1/fail')).json()).toEqual({
      error: { code: 'not_found', message: 'nothing here', facts: { looked: 'everywhere' } },
    });
    const bug = await ask('/v1/bug');
    expect(bug.status).toBe(500);
    expect(bug.text).not.toContain('secret');
    expect((await ask('/v1/nowhere')).json().error.code).toBe('not_found');
    const json = { method: 'POST', headers: { 'content-type': 'application/json' } };
    expect(await ask('/v1/echo', { ...json, body: '{' })).toMatchObject({ status: 400 });
    expect(await ask('/v1/echo', { ...json, body: JSON.stringify('x'.repeat(2000)) })).toMatchObject({ status: 413 });
  });

  it('takes text bodies as text', async () => {
    for (const type of ['application/yaml', 'application/x-ndjson', 'text/plain', 'text/csv'])
      expect(
        (await ask('/v1/echo', { method: 'POST', headers: { 'content-type': type }, body: 'a: 1' })).json(),
      ).toEqual({ body: 'a: 1' });
  });

  it('serves control-plane gRPC through Nest, errors with their code', async () => {
    const client = createClient(IngestService, `127.0.0.1:${grpcPort}`);
    expect((await client.listDatasetVersions({ project: 'p' })).versions[0]?.id).toBe('x');
    await expect(client.listDatasetVersions({})).rejects.toMatchObject({ code: 'conflict', reason: 'which project?' });
    client.close();
    const { text } = await ask('/metrics');
    expect(text).toMatch(/rpc_server_duration_count\{[^}]*IngestService\/ListDatasetVersions"[^}]*status="0"/);
    expect(text).toMatch(/rpc_server_duration_count\{[^}]*IngestService\/ListDatasetVersions"[^}]*status="9"/);
  });

  it('answers grpc.health.v1 beside it', async () => {
    const client = createClient(Health, `127.0.0.1:${grpcPort}`);
    expect((await client.check({ service: IngestService.typeName })).status).toBe(1);
    expect(Object.keys((await client.list({})).statuses).sort()).toEqual(
      ['', Health.typeName, IngestService.typeName].sort(),
    );
    await expect(client.check({ service: 'x.Y' })).rejects.toMatchObject({ code: 'not_found' });
    client.close();
  });

  it('ends a stream with the code of what its handler threw', async () => {
    const client = createClient(IngestService, `127.0.0.1:${grpcPort}`);
    const stream = client.ingestRecords({ metadata: { mode: 'refuse' } });
    const error = await new Promise((resolve) => {
      stream.on('data', () => undefined);
      stream.on('error', resolve);
    });
    expect(fromServiceError(error)).toMatchObject({ code: 'overloaded', reason: 'no room' });
    client.close();
  });

  it('lets a handler hold its sender back, and loses nothing', async () => {
    const client = createClient(IngestService, `127.0.0.1:${grpcPort}`);
    const stream = client.ingestRecords();
    const ended = new Promise((resolve) => stream.on('end', resolve));
    stream.on('data', () => undefined);
    const record = { recordId: 'x'.repeat(200_000), values: {} };
    const written = 40;
    let flowing = true;
    let sent = 0;
    for (; sent < written && flowing; sent++) flowing = stream.write({ project: 'p', records: [record] } as never);
    await eventually('one arrived', () => held.arrived > 0);
    // 8 MB would pass if nothing held them: the sender's own buffer and the stream's windows are far smaller.
    for (; sent < written; sent++) stream.write({ project: 'p', records: [record] } as never);
    expect(flowing).toBe(false);
    expect(held.arrived).toBe(1);
    expect(stream.writableLength).toBeGreaterThan(0);
    held.resume();
    stream.end();
    await ended;
    expect(held.arrived).toBe(written);
    client.close();
  });

  it('runs @EventPattern handlers in the trace of the message, and poison through Nest’s filter to the dead letters', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await producer.send('records.v1', [{ key: 'k', value: Buffer.from('one'), headers: { traceparent } }]);
    await eventually('it arrives', () => seen.includes('one'));
    expect(traces).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    await producer.send(
      'records.v1',
      ['two', 'poison', 'three'].map((value) => ({ key: 'k', value: Buffer.from(value) })),
    );
    await eventually('the rest arrives', () => seen.includes('two') && seen.includes('three'));
    await eventually('the dead letter', () => dead.length === 1);
    expect(seen).not.toContain('poison');
  });

  it('shows what it measured', async () => {
    const { text } = await ask('/metrics');
    expect(text).toMatch(/millrace_kafka_consumed_total\{topic="records.v1"/);
    expect(text).toMatch(/millrace_http_server_duration_count\{[^}]*route="GET \/v1\/fail"/);
  });

  it('names the address of a control plane that is taken', async () => {
    const second = defineService({
      name: 'second',
      settings: commonSettings,
      build: () => ({ http: { port: 0 }, grpc: { port: grpcPort, services: [IngestService] } }),
    });
    await expect(second.start()).rejects.toMatchObject({
      code: 'unavailable',
      facts: { address: `127.0.0.1:${grpcPort}` },
    });
  });

  it('closes what is open although a consumer’s last commit fails, and tells that', async () => {
    class Away extends Server {
      listen(listening: () => void): void {
        listening();
      }
      close(): Promise<void> {
        return Promise.reject(new PlatformError('unavailable', 'the broker is away'));
      }
      on(): void {}
      unwrap<T>(): T {
        return undefined as T;
      }
    }
    const ended: string[] = [];
    const third = await defineService({
      name: 'third',
      settings: commonSettings,
      build: ({ shutdown }) => {
        shutdown.onClose('store', () => void ended.push('closed'));
        return { http: { port: 0 }, consumers: [new Away()] };
      },
    }).start();
    await expect(third.stop()).rejects.toThrow('the broker is away');
    expect(ended).toEqual(['closed']);
  });

  it('ends in order: drained, streams cut after their grace, closed, no longer listening', async () => {
    const client = createClient(IngestService, `127.0.0.1:${grpcPort}`);
    const open = client.ingestRecords();
    const cut = new Promise((resolve) => open.on('error', resolve));
    await client.waitForReady(2_000);
    open.write({ project: 'p', records: [] } as never);
    order.length = 0;
    await service.stop();
    expect(fromServiceError(await cut)).toMatchObject({ code: expect.stringMatching(/unavailable|cancelled/) });
    client.close();
    expect(order).toEqual(['drain 1', 'drain 2', 'close 2', 'close 1']);
    const after = ticked;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ticked).toBe(after);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  }, 30_000);
});
