import { describe, expect, it } from '@jest/globals';
import { type Project, parseProject } from '@millrace/project';
import { labelFields, labelOf } from './label-fields.js';

const parsed = parseProject(
  `name: loans
data:
  sources: { history: { kind: csv, path: loans.csv, recordId: application } }
  entity: customer
  eventTime: applied_at
  columns:
    - { name: applied_at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: paid, type: number, outcome: true }
  label: { name: bad, column: paid, operation: lt, value: 1, delay: 1d }
features: [{ name: amount, kind: numeric }]
`,
  'project.yaml',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const { project } = parsed;

const read = (row: Record<string, unknown>) => labelOf(row, labelFields(Object.keys(row), project));

describe('a row of a file of labels', () => {
  it.each([
    [
      { recordId: '007', value: 'true' },
      { recordId: '007', value: true },
    ],
    [
      { id: '9007199254740993', value: '0' },
      { recordId: '9007199254740993', value: false },
    ],
    [
      { predictionId: 'r/0', value: '0.5' },
      { predictionId: 'r/0', value: 0.5 },
    ],
    [
      { application: 'a', customer: '12', applied_at: '2026-01-02', paid: '0.5' },
      { recordId: 'a', entity: '12', eventTimeMs: '2026-01-02', raw: 0.5 },
    ],
    [
      { id: 'a', entity: '', value: true },
      { recordId: 'a', value: true },
    ],
    [
      { id: 'a', paid: 'none' },
      { recordId: 'a', raw: 'none' },
    ],
  ])('%j is %j', (row, label) => expect(read(row)).toEqual(label));

  it.each([
    [{ id: 'a', vlaue: '1' }, "column 'vlaue' is no part of a label. Did you mean 'value'?"],
    [{ id: 'a', recordId: 'a', value: '1' }, "columns 'id' and 'recordId' are both the recordId"],
    [{ entity: 'a', value: '1' }, 'no column says whose label it is'],
    [{ id: 'a' }, 'name either a column value (true, false, 1 or 0) or paid, the outcome itself'],
    [{ id: 'a', value: '1', paid: '1' }, 'name either a column value'],
  ])('%j is refused', (row, message) => expect(() => read(row)).toThrow(message));
});

describe('a label in the words of its outcome', () => {
  const churn = parseProject(
    `name: churn
data:
  columns:
    - { name: age, type: number }
    - { name: left, type: text, outcome: true }
  label: { name: left, column: left, operation: eq, value: ja }
features: [{ name: age, kind: numeric }]
`,
    'project.yaml',
  );
  if (churn.kind !== 'ok') throw new Error(JSON.stringify(churn.faults));
  const ofChurn = (row: Record<string, unknown>) => labelOf(row, labelFields(Object.keys(row), churn.project));

  it.each([
    ['ja', { recordId: 'a', raw: 'ja' }],
    ['nein', { recordId: 'a', raw: 'nein' }],
    ['1', { recordId: 'a', value: true }],
    ['0.5', { recordId: 'a', value: 0.5 }],
    ['true', { recordId: 'a', value: true }],
    [true, { recordId: 'a', value: true }],
  ])('as value %j is what its own column would say', (value, label) =>
    expect(ofChurn({ id: 'a', value })).toEqual(label),
  );

  it.each([
    ['eq', 'no', 'no', { raw: 'no' }],
    ['eq', 'no', 'yes', { raw: 'yes' }],
    ['ne', 'yes', 'no', { raw: 'no' }],
    ['ne', 'yes', 'yes', { raw: 'yes' }],
    ['eq', 'no', 'true', { value: true }],
    ['eq', '0', '0', { raw: '0' }],
    ['eq', '0', '1', { raw: '1' }],
    ['eq', '0', 'yes', { value: true }],
  ] as const)(
    'of %s %j: %j is one of two words, or the label itself, never the same as the other',
    (operation, value, said, outcome) => {
      const { project } = churn;
      const asked = {
        ...project,
        data: { ...project.data, label: { ...project.data.label, operation, value } },
      } as Project;
      expect(labelOf({ id: 'a', value: said }, labelFields(['id', 'value'], asked))).toEqual({
        recordId: 'a',
        ...outcome,
      });
    },
  );

  it('is told where it is missing', () => {
    expect(() => ofChurn({ id: 'a' })).toThrow('true, false, 1 or 0, or what left says, such as "ja"');
    expect(() => ofChurn({ id: 'a', y: '1' })).toThrow("column 'y' is no part of a label. Known here: recordId");
  });

  it('is no label where the rule compares no texts: ingest refuses it', () => {
    expect(read({ id: 'a', value: 'ja' })).toEqual({ recordId: 'a', value: 'ja' });
  });
});
