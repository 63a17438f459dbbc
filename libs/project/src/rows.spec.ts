import { describe, expect, it } from '@jest/globals';
import { hash32 } from '@millrace/domain';
import fc from 'fast-check';
import { chooseRows } from './choose-rows.js';
import { deriveColumns, timePart } from './derive.js';
import { parseDate, parseDuration } from './duration.js';
import { inferColumns } from './infer-columns.js';
import { applyLabelRule, labelCondition, labelRuleText, probableText, sameLabelRule } from './label-rule.js';
import type { LabelSpec, Project } from './project.js';

describe('chooseRows', () => {
  it('keeps exactly the rows with the smallest hashes, ascending', () => {
    fc.assert(
      fc.property(
        fc.nat(5_000),
        fc.integer({ min: 0, max: 600 }),
        fc.integer({ min: 0, max: 700 }),
        fc.nat(),
        (first, count, rows, seed) => {
          const chosen = [...chooseRows(first, count, rows, seed)];
          const all = Array.from({ length: count }, (_, i) => first + i);
          const expected = all
            .sort((a, b) => hash32(String(a), seed) - hash32(String(b), seed) || a - b)
            .slice(0, rows)
            .sort((a, b) => a - b);
          expect(chosen).toEqual(expected);
        },
      ),
    );
  });

  it('is spread over the range', () => {
    const chosen = chooseRows(0, 100_000, 10_000, 5);
    const first = chosen.filter((row) => row < 50_000).length;
    expect(Math.abs(first - 5_000)).toBeLessThan(250);
  });
});

describe('time parts', () => {
  it('agree with Date in UTC', () => {
    // Of the years 0 to 99, too, which Date.UTC takes for others.
    const firstCenturies = fc.integer({ min: -62_200_000_000_000, max: -59_000_000_000_000 });
    const anyTime = fc.maxSafeInteger().map((ms) => ms % 8_640_000_000_000_000);
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: -2_000_000_000_000, max: 4_000_000_000_000 }), firstCenturies, anyTime),
        (ms) => {
          const date = new Date(ms);
          expect(timePart(ms, 'hour')).toBe(date.getUTCHours());
          expect(timePart(ms, 'minute')).toBe(date.getUTCMinutes());
          expect(timePart(ms, 'weekday')).toBe(date.getUTCDay());
          const iso = date.toISOString();
          const newYear = Date.parse(iso.replace(/-\d\d-\d\dT.*/, '-01-01T00:00:00Z'));
          const midnight = Date.parse(iso.replace(/T.*/, 'T00:00:00Z'));
          expect(timePart(ms, 'day_of_year')).toBe((midnight - newYear) / 86_400_000 + 1);
        },
      ),
    );
  });

  it('fills only what is absent', () => {
    const project = {
      data: {
        columns: [
          { name: 'at', type: 'timestamp' },
          { name: 'hour', type: 'integer', derive: { from: 'at', part: 'hour' } },
        ],
      },
    } as unknown as Project;
    expect(deriveColumns(project, { at: 3_600_000 })).toEqual({ at: 3_600_000, hour: 1 });
    expect(deriveColumns(project, { at: 3_600_000, hour: 6 })).toEqual({ at: 3_600_000, hour: 6 });
    expect(deriveColumns(project, { hour: null })).toEqual({ hour: null });
  });
});

describe('applyLabelRule', () => {
  const rule = (operation: LabelSpec['operation'], value: LabelSpec['value']): LabelSpec => ({
    name: 'l',
    column: 'c',
    operation,
    value,
    delayMs: 0,
  });
  it.each([
    ['gt', 15, 16, 1],
    ['gt', 15, 15, 0],
    ['ge', 15, 15, 1],
    ['lt', 15, 15, 0],
    ['le', 15, 15, 1],
    ['eq', 'a', 'a', 1],
    ['eq', 'a', 'b', 0],
    ['ne', 'a', 'b', 1],
    ['eq', 'a', 3, null],
    ['gt', 15, 'x', null],
    ['gt', 15, Number.NaN, null],
    ['gt', 15, null, null],
    ['identity', null, true, 1],
    ['identity', null, 0.25, 0.25],
    ['identity', null, 'x', null],
  ] as const)('%s %s of %s is %s', (operation, value, raw, expected) => {
    expect(applyLabelRule(rule(operation, value), raw)).toBe(expected);
  });
});

describe('durations and dates', () => {
  it.each([
    ['3h', 10_800_000],
    ['1.5m', 90_000],
    ['250ms', 250],
    ['2w', 1_209_600_000],
    ['3 h', null],
    ['h', null],
    ['-1h', null],
  ])('%s is %s', (text, ms) => expect(parseDuration(text)).toBe(ms));
  it.each([
    ['2001-02-15', Date.UTC(2001, 1, 15)],
    ['2001-02-15T06:30Z', Date.UTC(2001, 1, 15, 6, 30)],
    ['2001-02-30', null],
    ['15.2.2001', null],
  ])('%s is %s', (text, ms) => expect(parseDate(text)).toBe(ms));
});

describe('inferColumns', () => {
  it('finds types and presence', () => {
    const sample = Array.from({ length: 200 }, (_, i) => ({
      at: '2001-01-01T00:00:00Z',
      n: i,
      x: i / 7,
      ok: i % 2 === 0,
      colour: i % 3 === 0 ? 'red' : 'blue',
      note: i === 3 ? null : `t${i}`,
      mixed: i === 9 ? 'x' : i,
      id: i === 5 ? 9_007_199_254_740_993n : i,
    }));
    const byName = Object.fromEntries(inferColumns(sample).map((column) => [column.name, column]));
    expect(byName.at?.type).toBe('timestamp');
    expect(byName.n?.type).toBe('integer');
    expect(byName.x?.type).toBe('number');
    expect(byName.ok?.type).toBe('boolean');
    expect(byName.colour).toMatchObject({ type: 'text', required: true });
    // The first new colour would make a good record bad.
    expect(byName.colour?.domain).toBeUndefined();
    expect(byName.note).toMatchObject({ type: 'text', required: false });
    expect(byName.mixed?.type).toBe('text');
    expect(byName.id?.type).toBe('integer');
  });
});

describe('labelCondition', () => {
  it.each([
    ['eq', 'rain', '= "rain"'],
    ['ne', 'no', '!= "no"'],
    ['ge', 15, '>= 15'],
    ['eq', true, '= true'],
    ['identity', null, ''],
  ] as const)('%s %s is said as %s', (operation, value, said) => {
    expect(labelCondition({ operation, value })).toBe(said);
  });
});

describe('labelRuleText', () => {
  const rule = { column: 'y', operation: 'eq', value: 'ja' } as const;

  it('says column, operation and value, and whether it asks something', () => {
    expect(labelRuleText(rule)).toBe('y = "ja"');
    expect(labelRuleText({ column: 'y', operation: 'identity', value: null })).toBe('y as it is');
    expect(labelRuleText(undefined)).toBe('');
    expect(['y = "ja"', 'y as it is', ''].map(probableText)).toEqual(['y = "ja"', 'y is 1 or true', '']);
  });

  it('is the same of rules that give the same labels, and of one that nobody knows', () => {
    const text = labelRuleText(rule);
    const others = [{ value: 'nein' }, { operation: 'ne' as const }, { column: 'z' }, { value: true }];
    for (const change of others) expect(sameLabelRule(text, labelRuleText({ ...rule, ...change }))).toBe(false);
    expect(sameLabelRule(labelRuleText({ ...rule, value: 'true' }), labelRuleText({ ...rule, value: true }))).toBe(
      false,
    );
    expect([sameLabelRule(text, text), sameLabelRule('', text), sameLabelRule(text, '')]).toEqual([true, true, true]);
  });
});
