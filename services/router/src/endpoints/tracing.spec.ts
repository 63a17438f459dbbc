import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { SampledTracing } from './tracing.js';

const id = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';

describe('tracing', () => {
  const started: string[] = [];
  const start = (traceparent: string) => {
    started.push(traceparent);
    return { traceparent: `child of ${traceparent}`, end: () => undefined };
  };

  it.each([
    ['a sampled caller gets a span', `${id}-01`, 0, `child of ${id}-01`, 1],
    ['an unsampled one is passed on without a span', `${id}-00`, 1, `${id}-00`, 0],
    ['every root at ratio 1', '', 1, 'child of ', 1],
    ['no roots at ratio 0', '', 0, undefined, 0],
    ['garbage counts as none', 'x'.repeat(200), 0, undefined, 0],
  ])('%s', (_, traceparent, ratio, expected, spans) => {
    started.length = 0;
    expect(new SampledTracing(start, ratio, seededRng(7)).begin(traceparent)?.traceparent).toBe(expected);
    expect(started).toHaveLength(spans);
  });

  it('one root in a hundred at ratio 0.01', () => {
    started.length = 0;
    const tracing = new SampledTracing(start, 0.01, seededRng(7));
    for (let request = 0; request < 20_000; request++) tracing.begin('');
    // 200 ± 4 standard deviations of the binomial.
    expect(started.length).toBeGreaterThan(144);
    expect(started.length).toBeLessThan(256);
  });
});
