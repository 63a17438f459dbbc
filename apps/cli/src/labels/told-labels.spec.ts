import { describe, expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { whenTheyCount, whoseAndWhen } from './told-labels.js';

const refusal = (code: string | undefined, field: string) => ({
  ...{ row: 1, recordId: 'r' },
  reasons: [{ field, message: 'm', ...(code === undefined ? {} : { code }) }],
});

describe('what to write otherwise where labels were refused', () => {
  it('is the option for what is missing', () => {
    expect(whoseAndWhen([refusal('bad_id', 'entity'), refusal('bad_event_time', 'event_time_ms')])).toEqual([
      'millrace labels add … --entity KEY --event-time DATE   # in a file: column entity, column eventTime',
    ]);
  });

  it('is to leave out what the project does not have: the hint gave --entity where the reason said "leave it out"', () => {
    expect(whoseAndWhen([refusal('unknown_field', 'entity')])).toEqual([
      'millrace labels add …   # without --entity; in a file: without column entity',
    ]);
    expect(whoseAndWhen([refusal('unknown_field', 'entity'), refusal('bad_event_time', 'event_time_ms')])).toEqual([
      'millrace labels add … --event-time DATE   # in a file: column eventTime; without --entity; in a file: without column entity',
    ]);
  });

  it('is nothing where it is something else', () => {
    expect(whoseAndWhen([refusal(undefined, ''), refusal('wrong_type', 'value')])).toEqual([]);
  });
});

it('labels say when they count, which `labels add` never did', () => {
  const parsed = parseProject(
    `
name: hist
data:
  eventTime: at
  versionEvery: 7d
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: amount, type: number }
    - { name: paid, type: boolean, outcome: true }
  label: { name: paid, column: paid, delay: 1d }
features: [{ name: amount, kind: numeric }]
`,
    'project.yaml',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  expect(whenTheyCount(parsed.project)).toBe(
    'in a dataset version: of records of an open span with its close, of imported and of closed ones within 7d ' +
      '(data.label.refresh), as a version of its own: `millrace datasets hist`',
  );
});
