import { describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '@millrace/inference';
import { parseProject } from '@millrace/project';
import { rowOf, tensorsOf } from './one-row.js';

const INPUTS: TensorSpec[] = [
  { name: 'amount', datatype: 'FP64', shape: [-1] },
  { name: 'count', datatype: 'INT64', shape: [-1] },
  { name: 'kind', datatype: 'BYTES', shape: [-1] },
  { name: 'good', datatype: 'BOOL', shape: [-1] },
];

const parsed = parseProject(
  `name: loans
data:
  entity: kind
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: amount, type: number }
    - { name: count, type: integer, derive: { from: at, part: hour } }
    - { name: kind, type: text, required: true }
    - { name: good, type: boolean }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, operation: eq, value: true, delay: 1d }
features: [{ name: amount, kind: numeric }]
`,
  'project.yaml',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const { project } = parsed;

const whole = { amount: 1.5, count: 3, kind: 'a', good: true };
const sent = (row: Record<string, unknown>) => {
  const { tensors, missing } = tensorsOf(row, INPUTS, project);
  return { values: Object.fromEntries(tensors.map((one) => [one.name, one.toValues()[0]])), missing };
};

describe('one row', () => {
  it('is a tensor an input, whatever the order of its keys', () => {
    const { good, ...rest } = whole;
    expect(sent({ good, ...rest })).toEqual({ values: { ...whole, count: 3n }, missing: [] });
  });

  it('says which inputs it leaves out, and sends them as missing; what the server derives it leaves to the server', () => {
    expect(sent({ kind: 'a' })).toEqual({
      values: { amount: Number.NaN, kind: 'a', good: Number.NaN },
      missing: ['amount', 'good'],
    });
    expect(sent({ ...whole, amount: null, good: null })).toMatchObject({ values: { amount: Number.NaN }, missing: [] });
  });

  it('may have what a record has beside the inputs; the event time is said apart', () => {
    const { tensors, unused } = tensorsOf({ ...whole, bad: false }, INPUTS, project);
    expect([tensors.length, unused]).toEqual([4, ['bad']]);
    expect(() => tensorsOf({ ...whole, at: '2024-01-01' }, INPUTS, project)).toThrow(
      "--row: 'at' is the event time and no input: give it with --event-time",
    );
    expect(() => tensorsOf({ ...whole, bad: false }, INPUTS, undefined)).toThrow("no input 'bad'");
  });

  it('lacks an input that is called as what every object has', () => {
    expect(rowOf('{"a": 1}').constructor).toBeUndefined();
  });

  it('keeps the digits of integers beyond 2^53', () => {
    const row = rowOf('{"amount": 1, "count": 9007199254740993, "kind": "9007199254740993", "good": false}');
    expect(sent(row).values).toMatchObject({ count: 9_007_199_254_740_993n, kind: '9007199254740993' });
  });

  it.each([
    [{ ...whole, amount: '1.5' }, '--row: input \'amount\' is "1.5", it takes a number'],
    [{ ...whole, amount: true }, "--row: input 'amount' is true, it takes a number"],
    [{ ...whole, count: 1.5 }, "--row: input 'count' is 1.5, it takes a whole number"],
    [{ ...whole, kind: 7 }, "--row: input 'kind' is 7, it takes a text"],
    [{ ...whole, good: 'yes' }, '--row: input \'good\' is "yes", it takes true or false'],
    [{ ...whole, good: [true] }, "--row: input 'good' is [true], it takes true or false"],
    [{ ...whole, amuont: 1 }, "--row: no input 'amuont'. Did you mean 'amount'?"],
    [{ ...whole, zzzzzz: 1 }, "--row: no input 'zzzzzz'. Known here: amount, count, kind, good."],
    [{ amount: 1 }, "--row: 'kind' (a text) is missing: give a value"],
    [
      { amount: 'x', good: 2 },
      "--row: input 'amount' is \"x\", it takes a number; input 'good' is 2, it takes true or false; 'kind' (a text) is missing: give a value",
    ],
  ])('refuses %j', (row, message) =>
    expect(() => sent(row)).toThrow(expect.objectContaining({ code: 'invalid_argument', reason: message })),
  );

  it('has to be whole where nobody says which inputs may be missing', () => {
    expect(() => tensorsOf({ amount: 1, count: 1 }, INPUTS, undefined)).toThrow(
      "'kind' (a text), 'good' (true or false) are missing: give a value, or null where it is not known",
    );
  });

  it('takes lists for inputs of more than one value', () => {
    const inputs: TensorSpec[] = [{ name: 'v', datatype: 'FP32', shape: [-1, 2] }];
    expect(tensorsOf({ v: [1, 2] }, inputs, undefined).tensors[0]?.shape).toEqual([1, 2]);
    for (const v of [[1], [1, 'x'], 1, [1, null]])
      expect(() => tensorsOf({ v }, inputs, undefined)).toThrow("input 'v' is");
  });

  it.each(['{x: 1}', '', '[1]', 'null', '1'])('says that %s is no row', (text) =>
    expect(() => rowOf(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' })),
  );
});
