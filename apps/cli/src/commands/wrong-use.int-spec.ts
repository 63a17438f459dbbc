// What people get wrong on the command line, against the real command without a platform: each is refused with the
// option, the value and what to write, with the documented exit code, before anything else happens. And the command is
// the same from another folder, by a link as `npm link` makes it.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { cloneRoot, LOANS_PROJECT } from '@millrace/testing';

const folder = mkdtempSync(join(tmpdir(), 'millrace-wrong-use-'));
/** Nothing listens there. */
const PORT_OFFSET = '46000';

interface Told {
  code: number;
  output: string;
  errors: string;
}

function run(command: string, args: readonly string[]): Promise<Told> {
  const env = {
    ...environment(),
    NODE_OPTIONS: '',
    MILLRACE_HOME: join(folder, 'home'),
    MILLRACE_PORT_OFFSET: PORT_OFFSET,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd: folder, env }, (error, output, errors) =>
      resolve({ code: Number(error?.code ?? 0), output, errors }),
    );
  });
}

const millrace = (...args: string[]) => run(join(cloneRoot(), 'dist/apps/cli/src/main.js'), args);

beforeAll(() => {
  writeFileSync(join(folder, 'project.yaml'), LOANS_PROJECT);
  writeFileSync(join(folder, 'bad.yaml'), LOANS_PROJECT.replace('type: number', 'type: numbr'));
  writeFileSync(join(folder, 'bad.ndjson'), '{"a": 1}\n{a: 2}\n');
  writeFileSync(join(folder, 'rows.csv'), 'amount\n1\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The line, what it is told, the exit code. */
const WRONG: readonly (readonly [string, readonly string[], number])[] = [
  ['trian loans', ["unknown command 'trian'", 'Did you mean train?'], 2],
  ['train', ["missing required argument 'project'"], 2],
  ['train loans --sed 3', ["unknown option '--sed'", '--seed'], 2],
  ['train loans --seed abc', ['--seed', "'abc'", 'Write a whole number from 1 to 4294967295.'], 2],
  ['train loans --seed 0', ['--seed', "'0'", 'from 1 to 4294967295'], 2],
  ['train loans --seed 1.5', ['--seed', "'1.5'", 'a whole number'], 2],
  ['train loans --seed 4294967296', ['--seed', "'4294967296'", 'to 4294967295'], 2],
  ['train loans --workers x', ['--workers', "'x'", 'from 1 to 64'], 2],
  ['train loans --workers 65', ['--workers', "'65'", 'from 1 to 64'], 2],
  ['train loans --workers -1', ['--workers', "'-1'", 'from 1 to 64'], 2],
  [
    'train loans --evaluate-from nonsense',
    ['--evaluate-from', "'nonsense'", 'like 2026-01-31 or 2026-01-31T12:00Z'],
    2,
  ],
  ['train loans --evaluate-from 2026-02-30', ['--evaluate-from', "'2026-02-30'", 'Write a date'], 2],
  ['train loans --evaluate-from 31.01.2026', ["'31.01.2026'", 'Write a date'], 2],
  ['train loans --dataset', ['--dataset', 'argument missing'], 2],
  ['train loans', ['no answer; is the platform up? Try `millrace status`'], 3],
  ['ingest loans', ['name either --file FILE or --source NAME'], 2],
  ['ingest loans --source s --rows -3', ['--rows -3: write a whole number from 1'], 2],
  ['ingest loans --source s --from yesterday', ['--from yesterday: write a date such as 2024-02-15'], 2],
  ['ingest loans --source s --to 2026-13-01', ['--to 2026-13-01: write a date such as 2024-02-15'], 2],
  ['drift loans --limit all', ['--limit', "'all'", 'from 1 to 1000'], 2],
  ['drift loans --limit 1001', ['--limit', "'1001'", 'from 1 to 1000'], 2],
  ['dlq list loans --limit 0', ['--limit 0: write a number from 1 to 1000'], 2],
  ['up --workers many', ['--workers', "'many'", 'from 1 to 64'], 2],
  ['replay --rows some', ['--rows', "'some'", 'or "all"'], 2],
  ['replay --rate fast', ['--rate', "'fast'", 'a whole number'], 2],
  ['replay --replay-rows 1e3', ['--replay-rows', "'1e3'", 'a whole number'], 2],
  ['replay --project project.yaml', ['project.yaml has no replay section', 'millrace apply'], 2],
  ['serve', ["required option '--repository <folder>' not specified"], 2],
  ['serve --repository . --http-port 70000', ['--http-port', "'70000'", 'from 1 to 65535'], 2],
  ['serve --repository . --host 10.0.0.1', ['--host', "'10.0.0.1'", 'Write 127.0.0.1 or 0.0.0.0.'], 2],
  ['serve --repository . --processes many', ['--processes', "'many'", 'not a whole number'], 2],
  ['serve --repository . --poll soon', ['--poll', "'soon'", 'a duration such as 250ms, 5s'], 2],
  ['rollout start loans one', ['version', "'one'", 'a whole number from 1'], 2],
  ['rollout begin loans 1', ["unknown command 'begin'"], 2],
  ['promote loans 0', ['version', "'0'", 'a whole number from 1'], 2],
  ['loop loans pause', ['word', "'pause'", 'Write approve, stop or resume.'], 2],
  ['predict loans', ['give --row JSON, or --input FILE and --output FILE'], 2],
  ['predict loans --input rows.csv', ['--output is missing'], 2],
  ['predict loans --row {} --rows-per-request 5', ['--rows-per-request does not go with --row: leave it out'], 2],
  ['predict loans --row {} --project project.yaml', ['--project does not go with --row'], 2],
  ['predict loans --input rows.csv --output o.csv --entity a', ['--entity does not go with --input and --output'], 2],
  ['predict loans --input rows.csv --output o.txt', ['o.txt: name a .parquet or .csv file'], 2],
  ['predict loans --input rows.csv --output rows.csv', ['input and output are the same file'], 2],
  ['predict loans --input none.csv --output o.csv', ['there is no file none.csv'], 4],
  ['predict loans --input rows.csv --output o.csv --in-flight 1000', ['--in-flight', "'1000'", 'from 1 to 256'], 2],
  ['predict loans --row {x:1}', ['--row: no JSON', `write '{"name": value}'`], 2],
  ['predict loans --row [1]', ['--row: no JSON object of features'], 2],
  ['predict loans --row {} --via routr', ['--via', "'routr'", 'Write router, serving or host:port.'], 2],
  ['predict loans --row {} --event-time soon', ['--event-time', "'soon'", 'Write a date'], 2],
  ['predict loans --row {} --model-version newest', ['--model-version', "'newest'", 'a whole number'], 2],
  ['apply none.yaml', ['there is no project file at none.yaml', 'write `millrace apply FILE`'], 2],
  ['apply bad.yaml --check', ['bad.yaml:8:', 'type'], 2],
  ['labels add loans', ['give --file FILE, or --record ID or --prediction ID with --value'], 2],
  ['labels add loans --record a --value yes', ['--value yes: write true, false, 1 or 0'], 2],
  ['labels add loans --record a', ['--value is missing: write true, false, 1 or 0'], 2],
  ['labels add loans --file rows.csv --value 1', ['with --file the labels are in the file: leave --value out'], 2],
  ['labels add loans --record a --value 1 --known-at never', ['--known-at', "'never'", 'Write a date'], 2],
  ['projects delete loans', ['deleting loans has to be meant: add --yes'], 2],
  ['projects list', ['no answer; is the platform up?'], 3],
];

describe('the command line', () => {
  it.concurrent.each(WRONG)(
    '`millrace %s` says what is wrong',
    async (line, told, code) => {
      const { errors, ...rest } = await millrace(...line.split(' '));
      expect([rest.code, errors.replace(/\s+/g, ' ')]).toEqual([code, expect.stringContaining(told[0] as string)]);
      for (const part of told) expect(errors.replace(/\s+/g, ' ')).toContain(part);
      expect(errors).toMatch(/^millrace: /);
      expect(rest.output).toBe('');
    },
    60_000,
  );

  it('says it as JSON with --json', async () => {
    const { code, output } = await millrace('--json', 'train', 'loans', '--seed', 'abc');
    expect([code, JSON.parse(output)]).toMatchObject([2, { error: { code: 'invalid_argument' } }]);
  });

  it('works by a link from another folder, whose files it reads', async () => {
    mkdirSync(join(folder, 'bin'));
    symlinkSync(join(cloneRoot(), 'tools/setup/millrace.mjs'), join(folder, 'bin/millrace'));
    const { code, output } = await run(join(folder, 'bin/millrace'), ['apply', '--check']);
    expect([code, output]).toEqual([0, 'project.yaml: no faults\nNext: millrace apply project.yaml\n']);
  }, 60_000);
});
