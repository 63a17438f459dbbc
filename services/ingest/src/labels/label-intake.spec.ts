import { describe, expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { compileSchema } from '../schema/record-schema.js';
import { intakeLabels, labelFromJson, labelFromLine } from './label-intake.js';

const parsed = parseProject(
  `name: p
data:
  entity: who
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: x, type: number }
    - { name: late, type: number, outcome: true }
  label: { name: l, column: late, operation: gt, value: 15, delay: 3h }
features: [{ name: x, kind: numeric }]
`,
  'p',
);
if (parsed.kind !== 'ok') throw new Error('bad project');
const schema = compileSchema(parsed.project, (text) => String(text.length));
const NOW = Date.UTC(2024, 0, 1);
const run = (json: unknown) => intakeLabels(schema, [labelFromJson(json)], { source: 'http', nowMs: NOW });
const good = { recordId: 'r', entity: 'e', eventTimeMs: 1_000 };

describe('labels', () => {
  it('takes a label, or the raw outcome by the rule, and dates it by the delay', () => {
    expect(run({ ...good, value: 1 }).accepted[0]).toMatchObject({
      value: 1,
      eventTimeMs: 1_000,
      knownAtMs: 1_000 + 3 * 3_600_000,
    });
    expect(run({ ...good, raw: 16 }).accepted[0]?.value).toBe(1);
    expect(run({ ...good, raw: 15, knownAtMs: 5_000 }).accepted[0]).toMatchObject({ value: 0, knownAtMs: 5_000 });
    expect(run({ ...good, recordId: undefined, predictionId: 'q/0', value: true }).accepted[0]?.predictionId).toBe(
      'q/0',
    );
    expect(run({ ...good, recordId: 12, value: 0 }).accepted[0]?.recordId).toBe('12');
  });

  it.each([
    ['no outcome', good, 'missing_field'],
    ['no id', { entity: 'e', eventTimeMs: 1, value: 1 }, 'bad_id'],
    ['no entity', { recordId: 'r', eventTimeMs: 1, value: 1 }, 'bad_id'],
    ['no event time', { recordId: 'r', entity: 'e', value: 1 }, 'bad_event_time'],
    ['known in the future', { ...good, value: 1, knownAtMs: NOW * 2 }, 'bad_event_time'],
    ['value outside 0 and 1', { ...good, value: 0.5 }, 'not_in_domain'],
    ['raw that the rule cannot compare', { ...good, raw: 'x' }, 'wrong_type'],
    ['unknown field', { ...good, value: 1, colour: 3 }, 'unknown_field'],
    ['no object', 'x', 'malformed'],
  ])('refuses: %s', (_name, json, code) => {
    expect(run(json).rejections[0]?.reasons.map((reason) => reason.code)).toContain(code);
  });

  it('refuses a line that is no JSON', () => {
    expect(labelFromLine('{').faults[0]?.code).toBe('malformed');
  });
});
