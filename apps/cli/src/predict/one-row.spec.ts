import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { decodeInferRequest } from '@millrace/inference';
import { encodeRequest } from '../client/predict.http2.js';
import { rowOf, rowTimeOf } from './one-row.js';

describe('one row', () => {
  it('reads values and time, and says what is wrong about them', () => {
    expect(rowOf('{"x": 1, "kind": "a", "none": null}')).toEqual({ x: 1, kind: 'a', none: null });
    for (const text of ['{x: 1}', '', '[1]', 'null', '{"x": [1]}'])
      expect(() => rowOf(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    const clock = new ManualClock(7_000);
    expect(rowTimeOf(undefined, clock)).toBe(7_000);
    expect(rowTimeOf('2026-01-31T12:00Z', clock)).toBe(1_769_860_800_000);
    expect(() => rowTimeOf('soon', clock)).toThrow('--event-time soon');
  });

  it('asks for the version that was named', () => {
    const row = { model: 'a/b', version: '3', id: '', entity: '', eventTimeMs: 5, values: { x: 1 } };
    const request = decodeInferRequest(encodeRequest(row, [{ name: 'x', type: 'number' }]));
    expect(request).toMatchObject({ modelName: 'a/b', modelVersion: '3' });
  });
});
