import { describe, expect, it } from '@jest/globals';
import { ingestApi } from '@millrace/api';
import { parseProject } from '@millrace/project';
import { type OptionalKeys, projectTextWith } from '@millrace/testing';
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

  it('says which fields there are where one is none', () => {
    const reasonOf = (part: object) => run({ ...good, value: 1, ...part }).rejections[0]?.reasons[0];
    expect(reasonOf({ eventTime: 5 })).toMatchObject({
      field: 'eventTime',
      message: "is no field of a label; 'eventTimeMs' is one",
    });
    expect(reasonOf({ colour: 3 })?.message).toBe(
      'is no field of a label, which are recordId, predictionId, entity, eventTimeMs, knownAtMs, value, raw',
    );
  });

  it('is as the description of the API shows it', () => {
    const { examples = [], description = '' } = ingestApi.endpoints.sendLabels.body as {
      examples?: object[];
      description?: string;
    };
    expect(examples).toHaveLength(2);
    for (const example of examples) expect(labelFromJson(example).faults).toEqual([]);
    const fields = Object.keys(labelFromJson({})).filter((name) => name !== 'faults');
    for (const field of fields) expect(description).toContain(`\`${field}\``);
  });

  it('says what was written where that is no time', () => {
    const reasonOf = (part: object) => run({ ...good, value: 1, ...part }).rejections[0]?.reasons[0]?.message;
    expect(reasonOf({ eventTimeMs: '30.11.2026' })).toBe('"30.11.2026" is not a time');
    expect(reasonOf({ knownAtMs: 'soon' })).toBe('"soon" is not a time');
  });

  it('refuses a line that is no JSON', () => {
    expect(labelFromLine('{').faults[0]?.code).toBe('malformed');
  });

  it('refuses an outcome that is the label itself and none of the task', () => {
    const identity = { ...schema, project: structuredClone(schema.project) };
    Object.assign(identity.project.data.label ?? {}, { operation: 'identity', value: null });
    const read = (raw: unknown) =>
      intakeLabels(identity, [labelFromJson({ ...good, raw })], { source: 'http', nowMs: NOW });
    expect(read(2).rejections[0]?.reasons).toEqual([
      { code: 'not_in_domain', field: 'late', message: 'label 2 is neither 0 nor 1' },
    ]);
    expect(read(1).accepted[0]?.value).toBe(1);
  });

  it('refuses an outcome that is the value of the rule but for its spelling', () => {
    const eq = { ...schema, project: structuredClone(schema.project) };
    Object.assign(eq.project.data.label ?? {}, { operation: 'eq', value: 'ja' });
    const read = (raw: unknown) => intakeLabels(eq, [labelFromJson({ ...good, raw })], { source: 'http', nowMs: NOW });
    for (const raw of ['JA', ' ja', 'Ja\t'])
      expect(read(raw).rejections[0]?.reasons[0]).toMatchObject({
        code: 'not_in_domain',
        message: expect.stringContaining('is "ja" but for its spelling, and would count as its opposite'),
      });
    expect(['ja', 'nein', 'jä'].map((raw) => read(raw).accepted[0]?.value)).toEqual([1, 0, 0]);
  });

  const bare = (keys: Partial<OptionalKeys>) => {
    const text = projectTextWith({ recordId: false, entity: false, eventTime: false, label: true, ...keys });
    const project = parseProject(text, 'p');
    if (project.kind !== 'ok') throw new Error(JSON.stringify(project.faults));
    return compileSchema(project.project, (document) => String(document.length));
  };
  const runBare = (json: unknown, keys: Partial<OptionalKeys> = {}) =>
    intakeLabels(bare(keys), [labelFromJson(json)], { source: 'http', nowMs: NOW });

  it('needs neither entity nor event time where the project has none', () => {
    const arrived = { entity: '', eventTimeMs: NOW, knownAtMs: NOW + 3_600_000 };
    expect(runBare({ recordId: 'r', value: 1 }).accepted[0]).toMatchObject(arrived);
    // protobuf says 0 where it says nothing.
    expect(runBare({ recordId: 'r', value: 1, eventTimeMs: 0, knownAtMs: 0 }).accepted[0]).toMatchObject(arrived);
    expect(runBare({ recordId: 'r', value: 1, eventTimeMs: 7 }).accepted[0]).toMatchObject({ eventTimeMs: 7 });
    expect(runBare({ recordId: 'r', value: 1, entity: 'e' }).rejections[0]?.reasons[0]).toMatchObject({
      field: 'entity',
      message: expect.stringContaining('data.entity'),
    });
    expect(runBare({ recordId: 'r', value: 1 }, { entity: true }).rejections[0]?.reasons[0]?.field).toBe('entity');
    expect(runBare({ recordId: 'r', value: 1 }, { eventTime: true }).rejections[0]?.reasons).toEqual([
      { code: 'bad_event_time', field: 'event_time_ms', message: 'is missing' },
    ]);
  });

  it('keeps the digits of ids', () => {
    const line = '{"recordId":9007199254740993,"entity":9007199254740995,"value":1}';
    const { accepted } = intakeLabels(bare({ entity: true }), [labelFromLine(line)], { source: 'http', nowMs: NOW });
    expect(accepted[0]).toMatchObject({ recordId: '9007199254740993', entity: '9007199254740995' });
  });
});
