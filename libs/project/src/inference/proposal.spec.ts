import { describe, expect, it } from '@jest/globals';
import { parseProject } from '../parse-project.js';
import { projectText } from './project-text.js';
import { propose, type Wishes } from './proposal.js';
import { TableProfiler } from './table-profile.js';

const NOW_MS = Date.UTC(2026, 0, 1);
const ROWS = 400;

type Columns = Readonly<Record<string, (row: number) => string | null>>;

/** Loans as somebody has them: an id, times, a customer that comes again, an outcome, and its echo. */
const LOANS: Columns = {
  application_id: (row) => `A${row}`,
  applied_at: (row) => new Date(Date.UTC(2025, 0, 1) + row * 3_600_000).toISOString(),
  customer_id: (row) => String(1_000 + (row % 80)),
  'Amount (€)': (row) => String(100 + ((row * 37) % 900)),
  purpose: (row) => ['car', 'house', 'school'][row % 3] as string,
  zip: (row) => `0${1000 + (row % 4)}`,
  note: (row) =>
    row % 2 === 0 ? null : `A long remark about the application number ${row} of this year, as people write.`,
  branch: () => 'north',
  empty: () => null,
  denied: (row) => (row % 5 === 0 ? 'true' : 'false'),
  decision: (row) => (row % 5 === 0 ? 'refused' : 'granted'),
};

function tableOf(columns: Columns, rows = ROWS) {
  const names = Object.keys(columns);
  const table = new TableProfiler('text', names);
  for (let row = 0; row < rows; row++) table.takeRow(names.map((name) => columns[name]?.(row)));
  return table.profile();
}

const proposed = (columns: Columns, wishes: Wishes = {}, rows = ROWS) =>
  propose(tableOf(columns, rows), 'My Loans.csv', wishes, NOW_MS);

const rolesOf = (proposal: ReturnType<typeof proposed>) =>
  Object.fromEntries(proposal.columns.map(({ profile, role, feature }) => [profile.name, feature ?? role]));

function without(columns: Columns, ...names: string[]): Columns {
  return Object.fromEntries(Object.entries(columns).filter(([name]) => !names.includes(name)));
}

describe('what a table is proposed to be', () => {
  it('finds the role of each column', () => {
    const proposal = proposed(LOANS, { label: 'denied' });
    expect(rolesOf(proposal)).toEqual({
      application_id: 'record id',
      applied_at: 'event time',
      customer_id: 'entity',
      'Amount (€)': 'numeric',
      purpose: 'categorical',
      zip: 'categorical',
      note: 'left out',
      branch: 'left out',
      empty: 'left out',
      denied: 'label',
      // It says the label without exception.
      decision: 'left out',
    });
    expect(proposal).toMatchObject({ name: 'my-loans', open: [] });
    expect(proposal.columns.at(-1)?.why).toContain('without exception (400 rows)');
  });

  it('takes what was said over what it would guess', () => {
    const proposal = proposed(LOANS, {
      name: 'p',
      label: 'decision=refused',
      entity: false,
      eventTime: false,
      recordId: false,
      features: ['purpose', 'denied'],
    });
    expect(proposal).toMatchObject({ name: 'p', label: { rule: { operation: 'eq', value: 'refused' } } });
    expect(rolesOf(proposal)).toMatchObject({
      purpose: 'categorical',
      denied: 'categorical',
      'Amount (€)': 'left out',
    });
  });

  it('leaves out what shall be left out', () => {
    expect(rolesOf(proposed(LOANS, { label: 'denied', leaveOut: ['purpose'] })).purpose).toBe('left out');
  });

  it('says what is only a guess', () => {
    const unnamed = {
      ...without(LOANS, 'denied', 'decision'),
      a: LOANS.decision ?? (() => null),
      z: (row: number) => String(row % 7),
    };
    const proposal = proposed(unnamed);
    expect(proposal).toMatchObject({ open: ['label'], label: { rule: { column: 'a', value: 'refused' } } });
  });

  it('does without what is not there', () => {
    const bare = without(LOANS, 'application_id', 'applied_at', 'customer_id', 'decision');
    expect(proposed(bare, { label: 'denied' })).toMatchObject({
      eventTime: { column: null },
      entity: { column: null },
      recordId: { column: null },
      open: [],
    });
  });

  it.each([
    [{ label: 'x' }, "there is no column 'x'"],
    [
      { label: 'denied', entity: 'customerid' },
      "--entity: there is no column 'customerid'. Did you mean 'customer_id'",
    ],
    [{ label: 'denied', entity: 'note' }, "'note' is missing in 200 of 400 rows"],
    [{ label: 'denied', features: ['branchh'] }, "--features: there is no column 'branchh'"],
    [{ label: 'denied', features: [] }, 'no column is left as a feature'],
  ])('refuses %j', (wishes, message) => expect(() => proposed(LOANS, wishes)).toThrow(message));

  it('knows kinds of things from things, and a few answers from a yes', () => {
    const columns: Columns = {
      device_protection: (row) => ['No', 'Yes', 'No device'][row % 3] as string,
      company: (row) => `c${row % 7}`,
      subject_id: (row) => String(900 + ((row * 7) % 310)),
      marital_status: (row) => ['single', 'married'][row % 2] as string,
      result: (row) => ['negative', 'positive', 'invalid'][row % 3] as string,
      age: (row) => String(row % 90),
    };
    const proposal = proposed(columns);
    expect(rolesOf(proposal)).toMatchObject({ company: 'categorical', subject_id: 'entity', result: 'label' });
    expect(proposal.label?.rule).toMatchObject({ operation: 'eq', value: 'positive' });
    expect(rolesOf(proposed(columns, { entity: false })).subject_id).toBe('left out');
  });

  it('takes no time from the future, and none that is missing somewhere', () => {
    const future = { ...LOANS, applied_at: () => '2030-01-01' };
    expect(proposed(future, { label: 'denied' }).eventTime.column).toBeNull();
    const gaps = { ...LOANS, applied_at: (row: number) => (row === 7 ? null : '2025-01-01') };
    expect(proposed(gaps, { label: 'denied' }).eventTime.column).toBeNull();
  });

  it('takes no count of the rows for an id: the next file has the same numbers', () => {
    const counted = { index: (row: number) => String(row), ...without(LOANS, 'application_id') };
    expect(rolesOf(proposed(counted, { label: 'denied' })).index).toBe('left out');
  });
});

describe('the text of a proposal', () => {
  const wild: Columns = {
    ...LOANS,
    no: (row) => String(row % 3),
    '# "quoted": {x}\u2028': (row) => String(row % 9),
    größe: (row) => String(row / 7),
  };

  it.each<[string, Columns, Wishes]>([
    ['everything', LOANS, { label: 'denied' }],
    ['nothing but features', without(LOANS, 'application_id', 'applied_at', 'customer_id'), { label: 'denied' }],
    ['names that YAML would misread', wild, { label: 'decision=refused' }],
    ['an order', LOANS, { label: 'Amount (€)>500' }],
    ['no label', LOANS, { label: false }],
    [
      'none of the four',
      without(LOANS, 'application_id', 'applied_at', 'customer_id'),
      { label: false, eventTime: false, entity: false, recordId: false },
    ],
  ])('is a project file without fault: %s', (_what, columns, wishes) => {
    const proposal = proposed(columns, wishes);
    const parsed = parseProject(projectText(proposal, 'My Loans.csv'), 'project.yaml');
    if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults, null, 1));
    const { data, features, name } = parsed.project;
    expect(name).toBe('my-loans');
    expect(data.eventTime).toBe(proposal.eventTime.column?.name);
    expect(data.entity).toBe(proposal.entity.column?.name);
    expect(data.label).toEqual(proposal.label?.rule);
    expect(features.map((feature) => feature.name)).toEqual(
      proposal.columns.filter(({ role }) => role === 'feature').map(({ profile }) => profile.name),
    );
  });

  it('gives every choice its reason, and windows that hold enough rows', () => {
    const text = projectText(proposed(LOANS, { label: 'denied' }), 'My Loans.csv');
    expect(text).toMatch(/# Event time: 'applied_at', because .*only time.*\n {2}eventTime: applied_at/);
    expect(text).toMatch(/# Label: 'denied', because you said so, and it says yes or no itself/);
    expect(text).toContain('#   "branch" (text): it has one value only');
    // 400 hourly rows: no shorter span has as many as a window should.
    expect(text).toMatch(/window: (30d|90d)/);
  });
});

describe('whole numbers beyond 2^53 that come again', () => {
  const wide = (name: string, wishes: Wishes = {}) => {
    const table = new TableProfiler('typed', [name, 'x', 'denied']);
    for (let row = 0; row < ROWS; row++)
      table.takeRow([9_000_000_000_000_000_001n + BigInt(row % 8), row * 1.5, row % 5 === 0]);
    return propose(table.profile(), 'a.parquet', { label: 'denied', ...wishes }, NOW_MS);
  };

  it('are no feature, for ingest would refuse each row', () => {
    const [column] = wide('device').columns;
    expect(column).toMatchObject({ role: 'left out', spec: null, why: expect.stringContaining('beyond 2^53') });
  });

  it('are texts where they are declared all the same, and whole numbers as an entity', () => {
    expect(wide('device', { features: ['device'] }).columns[0]).toMatchObject({
      spec: { type: 'text' },
      feature: 'categorical',
    });
    expect(wide('record_id').columns[0]?.spec).toMatchObject({ type: 'text', required: false });
    const ofEntity = wide('device', { entity: 'device' });
    expect(ofEntity.columns[0]?.spec?.type).toBe('integer');
    // Their bounds, as doubles, would be other numbers.
    expect(projectText(ofEntity, 'a.parquet')).toMatch(/name: device, .*# 8 values, whole numbers beyond 2\^53/);
  });
});

it.each([
  ['My Loans 2024.csv', 'my-loans-2024'],
  ['2024-loans.csv', 'loans'],
  ['2023.csv', 't-2023'],
  ['2024_01.parquet', 't-2024-01'],
  ['数据.csv', 'project'],
  ['数据 2024.csv', 't-2024'],
])('%s is called %s', (fileName, name) => {
  expect(propose(tableOf(LOANS), fileName, { label: 'denied' }, NOW_MS).name).toBe(name);
});
