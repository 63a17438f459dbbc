import { describe, expect, it } from '@jest/globals';
import { mergeMetricsTexts } from './metrics-merge.js';

describe('mergeMetricsTexts', () => {
  it('keeps families together and tells the workers apart', () => {
    const text = (value: number) =>
      `# HELP calls_total Calls\n# TYPE calls_total counter\ncalls_total{code="a {b}"} ${value}\n# TYPE up gauge\nup 1\nempty{} 2\n`;
    expect(
      mergeMetricsTexts([
        { worker: '0', text: text(3) },
        { worker: '1', text: text(4) },
      ]),
    ).toBe(
      [
        '# HELP calls_total Calls',
        '# TYPE calls_total counter',
        'calls_total{worker="0",code="a {b}"} 3',
        'calls_total{worker="1",code="a {b}"} 4',
        '# TYPE up gauge',
        'up{worker="0"} 1',
        'empty{worker="0"} 2',
        'up{worker="1"} 1',
        'empty{worker="1"} 2',
        '',
      ].join('\n'),
    );
  });

  it('is empty without text', () => {
    expect(mergeMetricsTexts([{ worker: '0', text: '' }])).toBe('');
  });
});
