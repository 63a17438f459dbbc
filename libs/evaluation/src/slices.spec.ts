import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { evaluate } from './evaluate.js';
import { evaluateSlices, SLICE_ROWS_MIN, SLICE_VALUES_MAX } from './slices.js';

const rng = seededRng(2);
const airport = Array.from({ length: 1_000 }, (_, i) => (i % 10 < 6 ? 'ORD' : i % 10 < 9 ? 'SFO' : null));
const rows = {
  labels: airport.map(() => Number(rng.next() < 0.4)),
  scores: airport.map(() => rng.next()),
  eventTimeMs: airport.map((_, i) => 1_000 + i),
  columns: { airport, weekend: airport.map((_, i) => i % 7 > 4) },
};

it("judges each value's rows apart, most rows first, rows without a value in none", () => {
  const slices = evaluateSlices('binary', rows, ['airport', 'weekend']);
  expect(slices.map(({ column, value, evaluation }) => [column, value, evaluation.rows])).toEqual([
    ['airport', 'ORD', 600],
    ['airport', 'SFO', 300],
    ['weekend', 'false', 715],
    ['weekend', 'true', 285],
  ]);
  const own = airport.flatMap((value, i) => (value === 'SFO' ? [i] : []));
  const pick = (of: readonly number[]) => own.map((i) => of[i] as number);
  expect(slices[1]?.evaluation).toEqual(
    evaluate(
      'binary',
      { labels: pick(rows.labels), scores: pick(rows.scores) },
      { eventTimeFromMs: 1_006, eventTimeToMs: 1_998 },
    ),
  );
});

it('leaves small values out, and takes the most frequent of many', () => {
  const values = Array.from({ length: 60 }, (_, v) => Array<string>(SLICE_ROWS_MIN + v - 5).fill(`v${v}`)).flat();
  const many = {
    labels: values.map((_, i) => i % 2),
    scores: values.map(() => 0.5),
    eventTimeMs: values.map((_, i) => i),
    columns: { v: values },
  };
  const slices = evaluateSlices('binary', many, ['v']);
  expect(slices).toHaveLength(SLICE_VALUES_MAX);
  expect(slices[0]?.value).toBe('v59');
  const few = { ...many, columns: { v: values.map((value) => (Number(value.slice(1)) < 6 ? value : null)) } };
  expect(evaluateSlices('binary', few, ['v']).map(({ value }) => value)).toEqual(['v5']);
});

it('a column that was not read is a fault of the caller', () => {
  expect(() => evaluateSlices('binary', rows, ['none'])).toThrow(/no values of the slice column "none"/);
});
