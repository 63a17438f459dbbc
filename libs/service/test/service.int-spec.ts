// The frame around a service, with Nest, the real Kafka and gRPC: boot, errors, health, one trace through, end.

import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IngestService } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { createClient } from '@millrace/grpc';
import {
  type BatchResult,
  ensureTopics,
  type InboundMessage,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
} from '@millrace/kafka';
import { Readiness, type RunningService, Shutdown, startService } from '@millrace/service';
import { sampledTraceId } from '@millrace/telemetry';
import { eventually, freePort, startKafka, uniquePrefix } from '@millrace/testing';
import { Body, Controller, Get, Inject, Module, Post } from '@nestjs/common';
import { EventPattern, GrpcMethod } from '@nestjs/microservices';

const seen: string[] = [];
const dead: InboundMessage[] = [];
const traces: string[] = [];
const ends: string[] = [];
let healthy = true;

@Controller('v1')
class DemoController {
  constructor(@Inject(Readiness) readiness: Readiness, @Inject(Shutdown) shutdown: Shutdown) {
    readiness.register('demo', () => healthy);
    shutdown.onDrain('drain', () => void ends.push('drain'));
    shutdown.onClose('producer', () => void ends.push('close'));
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

@Module({ controllers: [DemoController] })
class DemoModule {}

let service: RunningService;
let producer: MessageProducer;
let connection: KafkaConnection;
let grpcPort: number;
let url: string;

beforeAll(async () => {
  const kafka = await startKafka();
  connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: uniquePrefix() });
  await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
  producer = new MessageProducer(connection);
  grpcPort = await freePort();
  service = await startService({
    name: 'demo',
    configure: () => ({
      module: DemoModule,
      httpPort: 0,
      bodyBytesMax: 1000,
      grpc: { port: grpcPort, services: [IngestService] },
      strategies: () => [
        new KafkaStrategy({ connection, groupId: 'demo', service: 'demo', producer, fetchBytesMin: 1 }),
      ],
    }),
  });
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
  it('is alive, and ready while its checks pass', async () => {
    expect((await ask('/health/live')).status).toBe(200);
    await eventually('ready', async () => (await ask('/health/ready')).status === 200);
    healthy = false;
    const report = await ask('/health/ready');
    expect(report.status).toBe(503);
    expect(report.json().checks).toEqual({ transports: 'ok', demo: 'not ready' });
    healthy = true;
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

  it('ends in order: drained, closed, no longer listening', async () => {
    await service.stop();
    expect(ends).toEqual(['drain', 'close']);
    await expect(fetch(`${url}/health/live`)).rejects.toThrow();
  }, 30_000);
});
