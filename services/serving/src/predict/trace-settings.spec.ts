import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { isSampled } from './request-tracer.js';
import { TraceSettings } from './trace-settings.js';

const settings = () => new TraceSettings(seededRng(1));
const sampled = (traces: TraceSettings, model: string, requests: number) =>
  Array.from({ length: requests }, () => traces.sample(model)).filter((traceparent) => traceparent !== '');

describe('trace settings', () => {
  it('are off, and cost nothing, until somebody turns them on', () => {
    const traces = settings();
    expect(traces.active).toBe(false);
    expect(sampled(traces, 'm', 10)).toEqual([]);
    expect(traces.values('')).toMatchObject({
      trace_level: ['OFF'],
      trace_rate: ['1000'],
      trace_count: ['-1'],
      trace_mode: ['opentelemetry'],
    });
  });

  it('sample every n-th request, at most as many as asked for', () => {
    const traces = settings();
    traces.change('', [
      ['trace_level', ['TIMESTAMPS']],
      ['trace_rate', ['3']],
      ['trace_count', ['2']],
    ]);
    expect(traces.active).toBe(true);
    const made = sampled(traces, 'm', 30);
    expect(made).toHaveLength(2);
    expect(new Set(made).size).toBe(2);
    for (const traceparent of made) expect(isSampled(traceparent)).toBe(true);
  });

  it('of a model win over the global ones, and fall back when cleared', () => {
    const traces = settings();
    traces.change('m', [
      ['trace_level', ['TIMESTAMPS']],
      ['trace_rate', ['1']],
    ]);
    expect(sampled(traces, 'm', 4)).toHaveLength(4);
    expect(sampled(traces, 'other', 4)).toEqual([]);
    expect(traces.values('m').trace_rate).toEqual(['1']);
    traces.change('m', [
      ['trace_level', []],
      ['trace_rate', []],
    ]);
    expect(traces.active).toBe(false);
    expect(traces.values('m')).toEqual(traces.values(''));
  });

  it.each([
    ['trace_level', ['TENSORS']],
    ['trace_rate', ['0']],
    ['trace_rate', ['often']],
    ['trace_count', ['-2']],
    ['trace_file', ['/tmp/trace.json']],
    ['trace_mode', ['triton']],
    ['nonsense', ['1']],
  ])('refuse %s = %s and change nothing', (name, values) => {
    const traces = settings();
    const before = traces.values('');
    expect(() =>
      traces.change('', [
        ['trace_level', ['TIMESTAMPS']],
        [name, values],
      ]),
    ).toThrow(name);
    expect(traces.values('')).toEqual(before);
    expect(traces.active).toBe(false);
  });
});
