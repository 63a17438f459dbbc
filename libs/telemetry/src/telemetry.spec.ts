// Traces, metrics and logs of one process: sampling, propagation, names, text format.

import { afterEach, describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { counter, gauge, histogram, SERIES_MAX } from './instruments.js';
import { configureLogs, logger } from './logger.js';
import { METRICS } from './names.js';
import { prometheusText, startTelemetry, type Telemetry } from './start.js';
import {
  activeTraceparent,
  contextOf,
  extractTrace,
  parseTraceparent,
  ROOT_CONTEXT,
  SAMPLED_ROOT,
  sampledTraceId,
  startSpan,
  withSpan,
} from './trace.js';

let telemetry: Telemetry | undefined;
let spans = new InMemorySpanExporter();

function start(ratio: string): void {
  spans = new InMemorySpanExporter();
  telemetry = startTelemetry({
    service: 'test',
    env: { MILLRACE_TRACE_RATIO: ratio, MILLRACE_LOG_LEVEL: 'info' },
    spanProcessors: [new SimpleSpanProcessor({ exporter: spans })],
  });
}

afterEach(async () => {
  await telemetry?.stop();
  telemetry = undefined;
  configureLogs({ level: 'warn', service: 'test', write: (line) => void process.stdout.write(line) });
});

const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('traces', () => {
  it('follow a sampled caller whatever the ratio, and hand the context on', async () => {
    start('0');
    let traceparent: string | undefined;
    await withSpan('work', { parent: extractTrace({ traceparent: PARENT }) }, () => {
      traceparent = activeTraceparent();
      expect(sampledTraceId()).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    });
    expect(traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/);
    expect(spans.getFinishedSpans().map((span) => [span.name, span.parentSpanContext?.spanId])).toEqual([
      ['work', '00f067aa0ba902b7'],
    ]);
  });

  it('of roots are sampled by the ratio, and an unsampled one says so downstream', async () => {
    start('0');
    await withSpan('root', {}, () => {
      expect(sampledTraceId()).toBe('');
      expect(activeTraceparent()).toMatch(/-00$/);
    });
    expect(spans.getFinishedSpans()).toHaveLength(0);
  });

  it('keep a root that whoever starts it has drawn, whatever the ratio', () => {
    start('0');
    startSpan('root', { parent: SAMPLED_ROOT }).end();
    expect(spans.getFinishedSpans().map(({ name, parentSpanContext }) => [name, parentSpanContext])).toEqual([
      ['root', undefined],
    ]);
  });

  it('mark what failed with the error’s code', async () => {
    start('1');
    await expect(
      withSpan('work', {}, () => {
        throw new PlatformError('conflict', 'no');
      }),
    ).rejects.toThrow('[conflict] no');
    const [span] = spans.getFinishedSpans();
    expect(span?.attributes['millrace.error.code']).toBe('conflict');
    expect(span?.status.code).toBe(2);
  });

  it.each([
    ['nothing', undefined],
    ['garbage', 'hello'],
    ['an all-zero trace id', '00-00000000000000000000000000000000-00f067aa0ba902b7-01'],
    ['upper case', PARENT.toUpperCase()],
    ['a missing part', '00-4bf92f3577b34da6a3ce929d0e0e4736-01'],
  ])('start anew from %s', (_what, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
    expect(contextOf(text)).toBe(ROOT_CONTEXT);
  });

  it('are read from Kafka’s buffers and HTTP’s lists', () => {
    for (const traceparent of [Buffer.from(PARENT), [PARENT], [Buffer.from(PARENT)]])
      expect(extractTrace({ traceparent })).not.toBe(ROOT_CONTEXT);
  });
});

describe('metrics', () => {
  it('are readable as Prometheus text under their registered names', async () => {
    start('0');
    const consumed = counter('millrace.kafka.consumed');
    const before = consumed.value({ topic: 'records.v1' });
    consumed.add(2, { topic: 'records.v1' });
    const bound = consumed.bind({ topic: 'records.v1' });
    bound.add();
    bound.add(4);
    expect(consumed.value({ topic: 'records.v1' }) - before).toBe(7);
    gauge('millrace.kafka.connected').set(1, { client: 'x' });
    gauge('millrace.kafka.produce_queue').observe(() => 42, { client: 'x' });
    histogram('millrace.kafka.batch_duration').bind({ topic: 'records.v1' }).record(3);
    const text = await prometheusText();
    expect(text).toMatch(/millrace_kafka_consumed_total\{topic="records.v1"[^}]*\} 7/);
    expect(text).toMatch(/millrace_kafka_connected\{client="x"[^}]*\} 1/);
    expect(text).toMatch(/millrace_kafka_produce_queue\{client="x"[^}]*\} 42/);
    expect(text).toMatch(/millrace_kafka_batch_duration_bucket\{topic="records.v1"[^}]*le="3"\} 1/);
    expect(text).toContain('millrace_process_resident_memory');
  });

  it('forget a gauge that was removed', async () => {
    start('0');
    gauge('millrace.kafka.consumer_lag').set(5, { topic: 't', partition: 1 });
    gauge('millrace.kafka.consumer_lag').remove({ topic: 't', partition: 1 });
    expect(await prometheusText()).not.toMatch(/millrace_kafka_consumer_lag\{/);
  });

  it('keep the number of series bounded, and lose no count', () => {
    const retries = counter('millrace.kafka.handler_retries');
    for (let i = 0; i < SERIES_MAX + 50; i++) retries.add(1, { topic: `t${i}`, code: 'x' });
    expect(retries.value({ topic: 'never', code: 'seen' })).toBe(50);
  });

  it.each(Object.entries(METRICS))('%s is named and described like the others', (name, spec) => {
    expect(name).toMatch(/^millrace(\.[a-z0-9_]+){2,}$/);
    expect(spec.description.length).toBeGreaterThan(10);
    expect(name).not.toMatch(/_total$/);
  });
});

describe('logs', () => {
  it('are one JSON line each, with trace ids, code and facts', async () => {
    start('1');
    const lines: string[] = [];
    configureLogs({ write: (line) => lines.push(line) });
    await withSpan('work', {}, () => {
      logger('demo').error(
        'it broke',
        { rows: 3, message: 'of a fact' },
        new PlatformError('corrupt', 'bad', { facts: { field: 'a' }, cause: new Error('root') }),
      );
    });
    expect(lines).toHaveLength(1);
    const entry = JSON.parse(lines[0] as string);
    expect(entry).toMatchObject({
      level: 'error',
      service: 'test',
      logger: 'demo',
      message: 'it broke',
      rows: 3,
      code: 'corrupt',
      field: 'a',
      causes: ['root'],
    });
    expect(entry.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(entry.stack).toBeUndefined();
  });

  it('leave out what is below the level, and shorten what is huge', () => {
    start('0');
    const lines: string[] = [];
    configureLogs({ write: (line) => lines.push(line) });
    logger('demo').debug('quiet');
    logger('demo').info('loud', { text: 'x'.repeat(10_000) });
    expect(lines).toHaveLength(1);
    expect((lines[0] as string).length).toBeLessThan(4500);
  });
});
