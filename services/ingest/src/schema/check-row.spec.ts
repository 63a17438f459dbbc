import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { RecordMessage } from '@millrace/contracts';
import { type ColumnSpec, parseProject } from '@millrace/project';
import { recordsTaken } from '../../test/records-taken.js';
import { checkedRecord } from '../records/checked-record.js';
import { recordFromJson, recordFromLine } from '../records/record-input.js';
import { compileSchema, schemaText } from './record-schema.js';

const YAML = `name: loans
data:
  entity: customer
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: hour, type: integer, min: 0, max: 23, derive: { from: at, part: hour } }
    - { name: customer, type: text, required: true, lengthMax: 8 }
    - { name: amount, type: number, required: true, min: 0, max: 100 }
    - { name: count, type: integer }
    - { name: ok, type: boolean }
    - { name: kind, type: text, domain: [car, house] }
    - { name: paid, type: number, outcome: true }
  label: { name: good, column: paid, operation: ge, value: 1, delay: 1h }
features: [{ name: amount, kind: numeric }]
`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const parsed = parseProject(YAML, 'project.yaml');
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const schema = compileSchema(parsed.project, sha256);
const NOW = Date.UTC(2024, 5, 1);
const AT = Date.UTC(2024, 0, 1, 13);
const good = { at: AT, customer: 'ann', amount: 5 };

const intake = (values: unknown, recordId: unknown = 'r1') =>
  recordsTaken(schema, [recordFromJson({ recordId, values }, '', schema)], { source: 'http', nowMs: NOW });
const codes = (values: unknown, recordId?: unknown) =>
  intake(values, recordId).rejections[0]?.reasons.map(({ code, field }) => `${code}:${field}`) ?? [];

describe('records', () => {
  it('accepts a good one, with derived columns and without missing ones', () => {
    const { accepted, labels, rejections } = intake(good);
    expect(rejections).toEqual([]);
    expect(labels).toEqual([]);
    expect(accepted[0]).toMatchObject({
      recordId: 'r1',
      entity: 'ann',
      eventTimeMs: AT,
      values: { at: AT, hour: 13, customer: 'ann', amount: 5 },
      schemaHash: schema.hash,
    });
    expect(Object.keys(accepted[0]?.values ?? {})).not.toContain('kind');
  });

  it('keeps a derived column that was given', () => {
    expect(intake({ ...good, hour: 4 }).accepted[0]?.values.hour).toBe(4);
  });

  it('makes the label of a record that brings its outcome', () => {
    const { accepted, labels } = intake({ ...good, paid: 2 });
    expect(labels[0]).toMatchObject({ recordId: 'r1', value: 1, eventTimeMs: AT, knownAtMs: AT + 3_600_000 });
    expect(accepted[0]?.values).not.toHaveProperty('paid');
  });

  it('refuses an outcome that is the label itself and none of the task', () => {
    const text = YAML.replace('column: paid, operation: ge, value: 1,', 'column: paid,');
    const other = parseProject(text, 'project.yaml');
    if (other.kind !== 'ok') throw new Error(JSON.stringify(other.faults));
    const identity = compileSchema(other.project, sha256);
    const read = (paid: unknown) =>
      recordsTaken(identity, [recordFromJson({ recordId: 'r1', values: { ...good, paid } }, '', identity)], {
        source: 'http',
        nowMs: NOW,
      });
    expect(read(0.5).rejections[0]?.reasons).toEqual([
      { code: 'not_in_domain', field: 'paid', message: 'label 0.5 is neither 0 nor 1' },
    ]);
    expect(read(1).labels[0]?.value).toBe(1);
    expect(read(null).labels).toEqual([]);
  });

  it.each([
    ['missing required', { at: AT, customer: 'ann' }, ['missing_field:amount']],
    ['null required', { ...good, amount: null }, ['missing_field:amount']],
    ['text for number', { ...good, amount: '5' }, ['wrong_type:amount']],
    ['NaN', { ...good, amount: Number.NaN }, ['not_finite:amount']],
    ['Infinity', { ...good, amount: Number.POSITIVE_INFINITY }, ['not_finite:amount']],
    ['below', { ...good, amount: -0.001 }, ['below_min:amount']],
    ['above', { ...good, amount: 100.5 }, ['above_max:amount']],
    ['fraction for integer', { ...good, count: 1.5 }, ['wrong_type:count']],
    ['beyond safe integers', { ...good, count: 2 ** 60 }, ['wrong_type:count']],
    ['number for boolean', { ...good, ok: 1 }, ['wrong_type:ok']],
    ['object for text', { ...good, kind: {} }, ['wrong_type:kind']],
    ['outside the domain', { ...good, kind: 'boat' }, ['not_in_domain:kind']],
    ['half a surrogate pair', { ...good, customer: 'a\ud800' }, ['malformed:customer']],
    ['too long', { ...good, customer: '123456789' }, ['oversize:customer']],
    ['empty entity', { ...good, customer: '' }, ['missing_field:customer']],
    ['no event time', { customer: 'ann', amount: 1 }, ['bad_event_time:at']],
    ['event time as words', { ...good, at: 'yesterday' }, ['bad_event_time:at']],
    ['event time in the future', { ...good, at: NOW + 2 * 86_400_000 }, ['bad_event_time:at']],
    ['event time before year 1', { ...good, at: -1e15 }, ['bad_event_time:at']],
    ['unknown field', { ...good, colour: 1 }, ['unknown_field:colour']],
    [
      'many faults',
      { at: AT, customer: 4.5, amount: 'x', kind: 'boat', colour: 1 },
      ['unknown_field:colour', 'wrong_type:customer', 'wrong_type:amount', 'not_in_domain:kind'],
    ],
  ])('refuses: %s', (_name, values, expected) => {
    expect(codes(values)).toEqual(expected);
  });

  it.each([
    ['', 'bad_id:recordId'],
    ['x'.repeat(257), 'bad_id:recordId'],
    ['a\nb', 'bad_id:recordId'],
    [{}, 'malformed:'],
  ])('refuses the id %j', (id, expected) => expect(codes(good, id)).toEqual([expected]));

  it('keeps the digits of whole numbers in text columns, and refuses to round them in integer columns', () => {
    expect(codes({ ...good, customer: 4 })).toEqual([]);
    const line = '{"recordId":9007199254740993,"at":1,"customer":"a","amount":1,"count":9007199254740993}';
    expect(recordFromLine(line, '', schema).recordId).toBe('9007199254740993');
    expect(codes(recordFromLine(line, '', schema).values)).toEqual(['wrong_type:count']);
    expect(codes({ ...good, amount: 3n })).toEqual([]);
  });

  it('takes flat records and ids of the source', () => {
    expect(recordFromJson({ record_id: 7, ...good }, '', schema).recordId).toBe('7');
    expect(recordFromJson(good, 'client/3', schema).recordId).toBe('client/3');
    expect(recordFromLine('{"a":NaN}', '', schema).faults[0]?.code).toBe('malformed');
    expect(recordFromJson([1], '', schema).faults[0]?.code).toBe('malformed');
    expect(recordFromJson(null, '', schema).faults[0]?.code).toBe('malformed');
  });

  it('keeps the value of a column that is called as an id elsewhere', () => {
    const own = { indexOf: new Set(['record_id']) };
    expect(recordFromJson({ record_id: 7, amount: 1 }, 'client/3', own)).toMatchObject({
      recordId: 'client/3',
      hasOwnId: false,
      values: { record_id: 7, amount: 1 },
    });
    expect(recordFromJson({ recordId: 'a', record_id: 7 }, '', own)).toMatchObject({
      recordId: 'a',
      values: { record_id: 7 },
    });
  });

  it('reads what is declared as missing, and times of the declared form; what was read before is not read again', () => {
    const yaml = YAML.replace('type: timestamp, required: true', 'type: timestamp, required: true, format: epoch-s')
      .replace('name: count, type: integer', 'name: count, type: integer, missing: [NA]')
      .replace('name: kind, type: text', 'name: kind, type: text, missing: ["?"]');
    const other = parseProject(yaml, 'project.yaml');
    if (other.kind !== 'ok') throw new Error(JSON.stringify(other.faults));
    const declared = compileSchema(other.project, sha256);
    const values = { ...good, at: AT / 1_000, count: 'NA', kind: ' ? ' };
    const input = recordFromJson({ recordId: 'r1', values }, '', declared);
    const delivery = { source: 'http', nowMs: NOW };
    const [record] = recordsTaken(declared, [input], delivery).accepted;
    expect(record).toMatchObject({ eventTimeMs: AT, values: { at: AT } });
    expect(Object.keys(record?.values ?? {})).not.toContain('kind');
    const again = { ...input, values: record?.values ?? {}, isRead: true };
    expect(recordsTaken(declared, [again], delivery).accepted[0]?.eventTimeMs).toBe(AT);
    const wrong = { ...input, values: { ...values, at: 'soon' } };
    expect(recordsTaken(declared, [wrong], delivery).rejections[0]?.reasons[0]?.code).toBe('bad_event_time');
  });

  it('lack a column that is called as what every object has', () => {
    const called = parseProject(YAML.replaceAll('count', 'constructor'), 'project.yaml');
    if (called.kind !== 'ok') throw new Error(JSON.stringify(called.faults));
    const odd = compileSchema(called.project, sha256);
    const values = { at: AT, customer: 'ann', amount: 1 };
    const input = recordFromJson({ recordId: 'r1', values }, '', odd);
    const { accepted, rejections } = recordsTaken(odd, [input], { source: 'http', nowMs: NOW });
    expect(rejections).toEqual([]);
    expect(Object.keys(accepted[0]?.values ?? {})).not.toContain('constructor');
    const topic = { ...(accepted[0] as RecordMessage), schemaHash: 'of before' };
    const checked = checkedRecord(odd, topic, NOW);
    expect(Array.isArray(checked) ? checked : Object.entries(checked.values)).toContainEqual(['constructor', null]);
  });

  it('never throws, whatever comes', () => {
    const odd: unknown[] = [undefined, null, 1, 'x', true, [], {}, Number.NaN, 10n, () => 1, { toString: null }];
    for (const value of odd)
      for (const name of ['at', 'customer', 'amount', 'count', 'ok', 'kind', '__proto__'])
        intake({ ...good, [name]: value });
  });
});

describe('schema hash', () => {
  it('depends on columns and label rule, not on training settings', () => {
    const hashOf = (yaml: string) => {
      const other = parseProject(yaml, 'x');
      if (other.kind !== 'ok') throw new Error('bad');
      return sha256(schemaText(other.project));
    };
    expect(hashOf(`${YAML}training: { epochs: 2 }\n`)).toBe(schema.hash);
    expect(hashOf(YAML.replace('max: 100', 'max: 101'))).not.toBe(schema.hash);
    expect(hashOf(YAML.replace('value: 1,', 'value: 2,'))).not.toBe(schema.hash);
    expect((schema.columns[0] as ColumnSpec).name).toBe('at');
  });
});
