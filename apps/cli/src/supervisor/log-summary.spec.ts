import { describe, expect, it } from '@jest/globals';
import { summarise } from './log-summary.js';

describe('summarise', () => {
  it('shows what a person needs of JSON lines, without stacks and repetitions', () => {
    const line =
      '{"time":"2026","level":"error","message":"start failed","error":"[internal] no such route","stack":"…"}';
    expect(summarise(`${line}\n    at somewhere (file.js:1)\n${line}\n`, 5)).toBe(
      'error: start failed: [internal] no such route',
    );
  });

  it('passes plain lines on, shortened, the last ones first to stay', () => {
    expect(summarise(`one\ntwo\nthree\n`, 2)).toBe('two\nthree');
    expect(summarise('x'.repeat(1_000), 1)).toHaveLength(240);
    expect(summarise('"cut": "off"}\n', 3)).toBe('"cut": "off"}');
    expect(summarise('', 3)).toBe('');
  });
});
