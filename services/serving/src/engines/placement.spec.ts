import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { LINE_CHARS_MAX, LINES_MAX, OutputLines } from './output-lines.js';
import { groupsOf, mayStayInside, placesOf, proofInputs, visibleDevices } from './placement.js';

describe('placement', () => {
  it('follows the configuration, one place per instance', () => {
    expect(placesOf([])).toBeUndefined();
    const groups = [
      { kind: 'cpu' as const, count: 2, gpus: [] },
      { kind: 'gpu' as const, count: 2, gpus: [0, 3] },
      { kind: 'inside' as const, count: 1, gpus: [] },
    ];
    const places = placesOf(groups) ?? [];
    expect(places).toEqual([
      { kind: 'process', gpu: undefined },
      { kind: 'process', gpu: undefined },
      { kind: 'process', gpu: 0 },
      { kind: 'process', gpu: 0 },
      { kind: 'process', gpu: 3 },
      { kind: 'process', gpu: 3 },
      { kind: 'inside' },
    ]);
    expect(groupsOf(places)).toEqual([
      { kind: 'cpu', count: 2, gpus: [] },
      { kind: 'gpu', count: 2, gpus: [0] },
      { kind: 'gpu', count: 2, gpus: [3] },
      { kind: 'inside', count: 1, gpus: [] },
    ]);
  });

  it('proves with a full batch of zeros, and not with what is too large', () => {
    const specs = [
      { name: 'a', datatype: 'FP32' as const, shape: [-1, 8] },
      { name: 'b', datatype: 'BYTES' as const, shape: [-1, -1] },
      { name: 'c', datatype: 'INT64' as const, shape: [-1] },
    ];
    expect(proofInputs(specs, true, 16)?.map(({ name, shape, count }) => [name, shape, count])).toEqual([
      ['a', [16, 8], 128],
      ['b', [16, 1], 16],
      ['c', [16], 16],
    ]);
    expect(proofInputs(specs, false, 0)?.map(({ shape }) => shape)).toEqual([[1, 8], [1, 1], [1]]);
    expect(proofInputs([{ name: 'a', datatype: 'FP32', shape: [-1, 1_000_000] }], true, 64)).toBeUndefined();
  });

  it('keeps only short models inside', () => {
    expect([mayStayInside(0.1, 2), mayStayInside(20, 2), mayStayInside(0.1, 500)]).toEqual([true, false, false]);
  });
});

describe('what an engine process prints', () => {
  it('becomes lines whatever the chunks, bounded in length and number, the last ones kept', () => {
    const clock = new ManualClock();
    const written: string[] = [];
    const lines = new OutputLines((line) => written.push(line), clock);
    for (const chunk of ['one\ntw', 'o\n\nü', '\n']) lines.push(new TextEncoder().encode(chunk));
    expect(written).toEqual(['one', 'two', 'ü']);
    lines.push(new TextEncoder().encode(`${'x'.repeat(5_000)}\n`));
    expect(written.at(-1)?.length).toBe(LINE_CHARS_MAX);
    for (let i = 0; i < 1_000; i++) lines.push(new TextEncoder().encode(`${i}\n`));
    expect(written.length).toBe(LINES_MAX);
    clock.advance(10_000);
    lines.push(new TextEncoder().encode('later'));
    lines.end();
    expect(written.slice(-2)).toEqual([`${1_000 - (LINES_MAX - 4)} more lines are not shown`, 'later']);
    expect(lines.last).toBe('998 | 999 | later');
  });
});

describe('visibleDevices', () => {
  it.each([
    [undefined, '2,3', ''],
    [1, undefined, '1'],
    [0, '2,3', '2'],
    [1, '2, GPU-8f4a', 'GPU-8f4a'],
    [2, '2,3', ''],
    [1, '2,-1,3', ''],
    [0, '', ''],
  ])('GPU %s of %s is %j', (gpu, inherited, expected) => {
    expect(visibleDevices(gpu, inherited)).toBe(expected);
  });
});
