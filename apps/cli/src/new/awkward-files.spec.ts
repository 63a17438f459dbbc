// Files as people have them by mistake: each becomes a project file without fault, or is refused with what to do.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseProject, projectText, propose, type Wishes } from '@millrace/project';
import { type ReadWishes, readTable } from './read-any-table.fs.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-awkward-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NOW_MS = Date.UTC(2026, 0, 1);
const ROWS = 300;

/** A line of names and so many rows; what `row` gives becomes a line. */
const file = (header: string, row: (i: number) => string, rows = ROWS) =>
  `${header}\n${Array.from({ length: rows }, (_, i) => row(i)).join('\n')}\n`;

async function newFrom(text: string, wishes: Wishes = {}, said: ReadWishes = {}) {
  const path = join(folder, 'file.csv');
  writeFileSync(path, text);
  const { profile, warnings } = await readTable(path, said);
  const proposal = propose(profile, 'file.csv', wishes, NOW_MS);
  const parsed = parseProject(projectText(proposal, 'file.csv'), 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  const why = Object.fromEntries(proposal.columns.map((column) => [column.profile.name, column.why]));
  return { ...parsed.project, warnings, why, proposal };
}

describe('a file that is no table with a label', () => {
  it.each([
    [
      'no header',
      file('5.1,3.5,0', (i) => `${i / 7},${i / 3},${i % 2}`),
      'looks like a row, not like names of columns',
    ],
    ['one column', file('paid', (i) => ['yes', 'no'][i % 2] as string), 'no column is left as a feature'],
    ['one row', 'a,b,paid\n1,2,yes\n', 'no column has two values'],
    ['a header alone', 'a,b\n', 'file.csv has no rows'],
    ['nothing but empty lines', '\n\n\n', 'it holds nothing but empty lines'],
    ['rows of another width', file('a,b', (i) => `${i},2,3`), 'row 1 (line 2 of the file): 3 fields, the header has 2'],
    [
      'only text',
      file('note', (i) => `what somebody wrote about number ${i}`),
      'no column has two values, so none is a label by itself',
    ],
  ])('%s', async (_what, text, message) => {
    await expect(newFrom(text)).rejects.toThrow(message);
  });
});

describe('a label that is none yet', () => {
  const classes = file('size,class', (i) => `${(i * 37) % 11},${['low', 'middle', 'high'][i % 3]}`);

  it('of numbers says which columns it may be, the last one first, whatever they are called', async () => {
    const homes = file(
      'rooms,area,price',
      (i) => `${(i % 6) + 1},${((i * 37) % 199) + 0.5},${((i * 7919) % 1009) + 0.25}`,
    );
    await expect(newFrom(homes)).rejects.toThrow(
      /It may be --label 'price>VALUE' \(a number from 0.25 to [\d.]+\), --label 'area>VALUE' .*, --label 'rooms=\d' \(one of its 6 values\)/,
    );
  });

  it('of three classes says which question can be asked', async () => {
    await expect(newFrom(classes)).rejects.toThrow(
      /It may be --label 'class=low' \(one of its 3 values\), --label 'size=/,
    );
    await expect(newFrom(classes, { label: 'class' })).rejects.toThrow(/--label 'class=VALUE'.*'low' \(100 rows\)/);
    expect((await newFrom(classes, { label: 'class=high' })).data.label).toMatchObject({ value: 'high' });
  });

  it('of yes, no and maybe asks for yes, and has to be looked at', async () => {
    const text = file('size,answer', (i) => `${(i * 37) % 11},${['yes', 'no', 'maybe'][i % 3]}`);
    const { data, proposal } = await newFrom(text, { label: 'answer' });
    expect(data.label).toMatchObject({ column: 'answer', operation: 'eq', value: 'yes' });
    expect(proposal.open).toEqual(['label']);
  });

  it('that is different in every row is refused', async () => {
    const text = file('size,name', (i) => `${i % 7},n${i}`);
    await expect(newFrom(text, { label: 'name' })).rejects.toThrow("'name' has 300 values");
  });
});

describe('a column of an odd kind', () => {
  const label = { label: 'paid' };
  const paid = (i: number) => ['yes', 'no', 'no'][i % 3];

  it.each([
    ['all missing', 'x', () => '', 'it is empty'],
    ['nothing but NA', 'x', () => 'NA', 'it is empty'],
    ['mixed decimals', 'x', (i: number) => (i % 2 === 0 ? `${i}.5` : `"${i},5"`), 'a decimal comma in some rows'],
    ['decimal commas', 'x', (i: number) => `"${i},5"`, '--decimal , reads them'],
    ['dates that are open', 'x', (i: number) => `0${1 + (i % 9)}/0${1 + (i % 8)}/2024`, '--date-format says which'],
    ['a name with a line break', '"x\ny"', (i: number) => String(i % 7), 'holds a line break'],
    ['huge integers', 'x', (i: number) => `9007199254740993${i}`, 'different in every row'],
  ])('%s', async (_what, header, value, why) => {
    const { features, why: reasons } = await newFrom(
      file(`${header},size,paid`, (i) => `${value(i)},${i % 9},${paid(i)}`),
      label,
    );
    expect(features.map(({ name }) => name)).toEqual(['size']);
    expect(Object.values(reasons)[0]).toContain(why);
  });

  it('200,000 categories', async () => {
    const text = file('word,size,paid', (i) => `w${i % 199_999},${i % 9},${paid(i)}`, 200_000);
    const { why, features } = await newFrom(text, label);
    expect(why.word).toMatch(/it has more than 20000 values, too few rows each/);
    expect(features.map(({ name }) => name)).toEqual(['size']);
  });

  it('names that come twice, a delimiter behind every line, and names of dataset files', async () => {
    const header = 'label,entity,record_id,event_time_ms,size,size,paid,';
    const text = file(header, (i) => `${i % 5},e${i % 4},${i % 6},${i % 4}.5,1,2,${paid(i)},`);
    const { features, warnings, data } = await newFrom(text, label);
    expect(features.map(({ name }) => name)).toEqual(['label', 'entity', 'record_id', 'event_time_ms']);
    expect(data.recordId).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining("the header names 'size' twice")]);
  });

  it('times of the future are no event time, and that is said', async () => {
    const text = file('due_date,size,paid', (i) => `2099-01-0${1 + (i % 9)},${i % 9},${paid(i)}`);
    const { data, proposal } = await newFrom(text, label);
    expect(data.eventTime).toBeUndefined();
    expect(proposal.eventTime.why).toContain("'due_date' has times in the future");
    const gaps = file('seen_at,size,paid', (i) => `${i === 7 ? '' : '2025-01-01'},${i % 9},${paid(i)}`);
    expect((await newFrom(gaps, label)).proposal.eventTime.why).toContain("'seen_at' is missing in 1 of 300 rows");
  });

  it('a header of years is taken, with a word about it', async () => {
    const { warnings } = await newFrom(
      file('2001,2002,paid', (i) => `${i % 9},${i % 8},${paid(i)}`),
      label,
    );
    expect(warnings).toEqual([expect.stringContaining('if it is one, write a line of names above it')]);
  });
});

describe('how a file writes', () => {
  it('is said in the project file: what is missing, and the form of its times', async () => {
    const text = file('seen,age,land,paid', (i) => {
      const age = i % 10 === 0 ? 'NA' : String(i % 60);
      return `${1 + (i % 28)}.${1 + (i % 12)}.2025,${age},${i % 7 === 0 ? 'NA' : 'DE'},${['yes', 'no'][(i >> 2) % 2]}`;
    });
    const { data } = await newFrom(text, { label: 'paid' });
    const column = (name: string) => data.columns.find((one) => one.name === name);
    expect(data.eventTime).toBe('seen');
    expect(column('seen')).toMatchObject({ type: 'timestamp', format: 'DD.MM.YYYY' });
    expect(column('age')).toMatchObject({ type: 'integer', missing: ['NA'], required: false });
  });

  it('may be said: decimal commas, the order of day and month', async () => {
    const text = file('at;x;paid', (i) => `0${1 + (i % 9)}/0${1 + (i % 8)}/2024;${i % 90},5;${['yes', 'no'][i % 2]}`);
    const { data, features } = await newFrom(text, { label: 'paid' }, { decimal: ',', dateFormat: 'MM/DD/YYYY' });
    expect(data.columns.find(({ name }) => name === 'at')).toMatchObject({ format: 'MM/DD/YYYY' });
    expect(features.map(({ name }) => name)).toEqual(['x']);
    // A later `ingest` or `predict --input` needs nobody to remember the comma.
    expect(data.decimal).toBe(',');
    expect(
      (
        await newFrom(
          file('x,paid', (i) => `${i % 90}.5,${i % 2}`),
          { label: 'paid' },
        )
      ).data.decimal,
    ).toBeUndefined();
  });
});

describe('lines that are no JSON objects', () => {
  it.each([
    ['{a: 2}', /^1 line is no JSON object and left out; the first is row 2: \{a: 2\} \(Expected property name/],
    ['[1]', /row 2: \[1\] \(write \{"name": value\}\)/],
  ])('%s is told with its line and what it holds', async (line, told) => {
    const path = join(folder, 'lines.ndjson');
    writeFileSync(path, `{"a": 1}\n${line}\n{"a": 2}\n`);
    const { warnings } = await readTable(path, {});
    expect(warnings).toEqual([expect.stringMatching(told)]);
  });
});

it('a column of nothing but a word for no value has no type of times', async () => {
  const { proposal } = await newFrom(
    file('leer,seen,size,paid', (i) => `n/a,${1 + (i % 28)}.12.2025,${(i * 37) % 11},${['yes', 'no'][i % 2]}`),
    { label: 'paid' },
  );
  expect(proposal.columns.find(({ profile }) => profile.name === 'leer')?.profile.type).toBe('text');
});
