// What a stranger does wrong on a running platform: each is answered with what is wrong, where, and the next command,
// and with the documented exit code, as text and with --json. What needs no platform is tried in apps/cli
// (wrong-use.int-spec.ts). One platform for all, in the order of the file: the lines of the tables run in one process
// beside it, what is about a process (its signals, pipes, terminal) in processes of their own.

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PORTS } from '@millrace/deployment';
import { CommandLines, type Told } from '@millrace/testing';
import { CLI, Platform, type Running, until } from './support/platform.process.js';
import { HEAD, loans, writeStrangersFiles } from './support/strangers-files.js';

/** Of silence, on a machine that does other things, too. */
const READY_WITHIN_MS = 300_000;
/** Of one line or process; a training beside what else the machine does. */
const LINE_WITHIN_MS = 120_000;
const TEST_WITHIN_MS = 2 * LINE_WITHIN_MS;
const COLUMNS = 80;

const folder = mkdtempSync(join(tmpdir(), 'millrace-strangers-'));
/** Without a project file. */
const elsewhere = join(folder, 'elsewhere');
let platform: Platform;
let up: Running;
let lines: CommandLines;
/** The same platform, behind ports on which a web server listens that is not ours. */
let astray: CommandLines;
let page: Server;

beforeAll(async () => {
  mkdirSync(elsewhere);
  writeStrangersFiles(folder);
  // Before the platform looks for ports that are free.
  page = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>It works!</p>');
  });
  await new Promise<void>((listening) => page.listen(0, '127.0.0.1', listening));
  platform = await Platform.create();
  up = platform.spawn(['up', '--workers', '1']);
  const { port } = page.address() as AddressInfo;
  const env = platform.environment();
  lines = new CommandLines(folder, env);
  const others = ['ingestHttp', 'trainerHttp', 'monitorHttp', 'routerControl', 'routerGrpc'] as const;
  const wrong = Object.fromEntries(others.map((name) => [PORTS[name].setting, `${port}`]));
  astray = new CommandLines(elsewhere, { ...env, ...wrong });
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => `${up.output()}\n${platform.logs()}`,
    up,
  );
}, 2 * READY_WITHIN_MS);

afterAll(async () => {
  await lines?.close();
  await astray?.close();
  page?.close();
  up?.child.kill('SIGINT');
  await up?.finished;
  platform?.remove();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** A bar goes back to its beginning by the first. */
const NEW_LINE = new RegExp(`${String.fromCharCode(27)}\\[\\d*G|[\\r\\n]+`);
const widthOf = (text: string) => [...text.trimEnd()].length;

type Row = readonly [line: string, code: number, told: readonly string[], where?: 'elsewhere'];

/** U+00B7 stands for a space within a word, PAGE for the address of a web server. */
const wordsOf = (line: string) =>
  line
    .split(' ')
    .map((word) => word.replaceAll('·', ' ').replace('PAGE', `127.0.0.1:${(page.address() as AddressInfo).port}`));

/** What fails fails the same with --json, whose answer is one JSON object. */
async function tried(by: CommandLines, line: string, code: number, told: readonly string[], cwd?: string) {
  const words = wordsOf(line);
  const { output, errors, ...ended } = await by.run(words, cwd);
  const said = `${output}${errors}`.replace(/\s+/g, ' ');
  expect([ended.code, said]).toEqual([code, expect.stringContaining(told[0] as string)]);
  for (const part of told) expect(said).toContain(part);
  if (code === 0) return;
  const asJson = await by.run(['--json', ...words], cwd);
  expect([asJson.code, typeof JSON.parse(asJson.output)]).toEqual([code, 'object']);
}

const tryRows = (rows: readonly Row[]) =>
  it.each(rows.map((row) => ({ title: row[0], row })))(
    '`millrace $title`',
    ({ row: [line, code, told, where] }) => tried(lines, line, code, told, where === undefined ? folder : elsewhere),
    TEST_WITHIN_MS,
  );

/** A line of the shell, where `millrace` is the command as a process of its own. */
function shell(line: string, cwd = folder, more: Record<string, string> = {}): Promise<Told> {
  const script = `millrace() { "$NODE" "$CLI" "$@"; }\n${line}`;
  const env = { ...platform.environment(), NODE: process.execPath, CLI, ...more };
  return new Promise((resolve) => {
    const options = { cwd, env, timeout: LINE_WITHIN_MS, killSignal: 'SIGKILL' } as const;
    execFile('bash', ['-c', script], options, (error, output, errors) =>
      resolve({ code: Number(error?.code ?? (error === null ? 0 : -1)), output, errors }),
    );
  });
}

const NO_LAONS = "there is no project 'laons'; `millrace projects list` lists them";

describe('before there is a model', () => {
  tryRows([
    ['status', 0, ['Next: millrace new FILE']],
    ['projects list', 0, ['no project yet', 'Next: millrace new FILE']],
    ['train loans', 4, ["there is no project 'loans'", '`millrace projects list`'], 'elsewhere'],
    ['new loans.csv --label bad=yes --yes --output full.yaml --force', 1, ['full.yaml', 'the disk is full']],
    ['new loans.csv --label bad=yes --yes', 0, ['Next: millrace ingest loans --file loans.csv']],
    [
      'new loans.csv --label bad=yes --yes --output l.yaml',
      0,
      ['project.yaml here is of project', 'Next: mv l.yaml project.yaml'],
    ],
    [
      'new loans.csv --label bad=yes --yes --name other --output o.yaml',
      0,
      ['Next: millrace apply o.yaml Next: millrace ingest other'],
    ],
    ['train loans', 4, ['loans has no dataset version yet', '`millrace ingest loans --file FILE`']],
    ...['datasets', 'models', 'loop', 'drift', 'events', 'rollout status', 'dlq list'].map(
      (command): Row => [`${command} laons`, 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ),
    ['ingest laons --file loans.csv', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['labels add laons --record a --value 1', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['projects delete laons --yes', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['rollout start laons 1', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['predict laons --row {}', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['predict laons --input loans.csv --output o.csv', 4, [NO_LAONS, "Did you mean 'loans'?"]],
    ['datasets loans', 0, ['no dataset version yet', 'Next: millrace ingest loans --file FILE']],
    ['models loans', 0, ['no model version yet', 'Next: millrace train loans']],
    ['predict loans --row {}', 4, ['loans has no model version yet: `millrace train loans`']],
    ['rollback loans', 4, ['loans has no model version yet', '`millrace train loans`']],
    ['promote loans 7', 4, ['loans has no model version yet', '`millrace train loans`']],
    ['rollout status loans', 4, ['loans has no model version yet', '`millrace train loans`']],
    ['drift loans', 0, ['no window yet: the first opens with the first answer', 'Next: millrace loop loans']],
    ['events loans', 0, ['no drift event yet', 'Next: millrace drift loans']],
    ['dlq list loans', 0, ['no dead letter', 'Next: millrace datasets loans']],
    ['dlq redrive abcdef', 4, ['no dead letter abcdef', '`millrace dlq list PROJECT`']],
    ['loop loans', 0, ['waits for a first blessed version', 'Next: millrace train loans']],
    ['loop loans approve --by anna', 5, ['nothing of loans waits for an approval', 'calm']],
  ]);
});

describe('files that do not fit', () => {
  tryRows([
    [
      'ingest loans --file sensors.csv',
      1,
      ['sensors.csv was not imported', 'none of the columns "at", "customer"', '"ts"'],
    ],
    ['ingest loans --file empty.csv', 2, ['empty.csv is empty']],
    ['ingest loans --file none.csv', 4, ['there is no file', 'none.csv']],
    ['ingest loans --file project.yaml', 1, ['project.yaml was not imported']],
    ['ingest loans --file elsewhere', 2, ['is a folder; name a CSV']],
    ['ingest loans --source histry', 4, ["no source 'histry'"]],
    ['ingest loans --file words.csv', 1, ['no row of 20', 'row 1, amount: "viel"', 'Next: millrace dlq list loans']],
    ['ingest loans --file half.csv', 0, ['row 11, amount: "viel" is not a number', 'row 12, at: "gestern"']],
    ['dlq list loans', 0, ['upload:half.csv', '"gestern"', 'Next: millrace dlq redrive']],
    ['ingest loans --file renamed.csv', 0, ['no column "amount"', 'the project does not know: "loan", "betrag"']],
    [
      'ingest loans --file loans.csv --from 2030-01-01',
      1,
      ['no row in that range', 'leave --from and --to out', 'Next: millrace ingest loans --file loans.csv'],
    ],
    ['ingest loans --file loans.csv --from 2025-01-01 --to 2024-01-01', 2, ['--from', '--to']],
    ['ingest loans --file loans.csv', 0, ['600 rows accepted, 0 refused', 'Next: millrace train loans']],
    ['ingest loans --file loans.csv', 0, ['600 rows accepted', 'dataset version']],
    ['labels add loans --file labels.csv', 1, ['row 1 (L1)', '"maybe" is not true, false, 1 or 0']],
    ['labels add loans --file nobody.csv', 1, ['entity is missing', '--entity KEY --event-time DATE']],
    ['labels add loans --record nope --value 1', 1, ['(nope)', 'event_time_ms is missing', '--event-time DATE']],
    [
      'labels add loans --record nope --value 1 --entity c1',
      1,
      ['add … --event-time DATE # in a file: column eventTime'],
    ],
    ['labels add loans --file columns.csv', 2, ["column 'val' is no part of a label", "'value'"]],
    ['labels add loans --file none.csv', 4, ['there is no file', 'none.csv']],
    ['train loans --dataset abcdefab', 4, ['there is no dataset version abcdefab', '`millrace datasets loans`']],
    ['train loans --dataset a', 4, ['there is no dataset version a']],
    [
      'train loans --evaluate-from 2030-01-01',
      1,
      ['would train and 0 evaluate: rows from 2030-01-01', '--evaluate-from', 'their event times are'],
    ],
  ]);
});

describe('a model', () => {
  it(
    'is trained twice at a time: one after the other, each with its verdict',
    async () => {
      const both = await Promise.all([shell('millrace train loans'), shell('sleep 0.2; millrace train loans')]);
      const told = both.map(({ output }) => output).sort();
      expect(told[0]).toMatch(/^version 1 is blessed/);
      expect(told[1]).toMatch(/^version 2 is (?:not )?blessed/);
    },
    TEST_WITHIN_MS,
  );

  tryRows([
    ['models loans', 0, ['on rows', 'split by', 'time', 'Next: millrace rollout status loans']],
    ['rollout start loans 99', 4, ['loans has no version 99; `millrace models loans` lists its versions']],
    ['promote loans 77', 4, ['loans has no version 77', '`millrace models loans`']],
    ['rollout status loans', 0, ['version', 'Next: millrace drift loans']],
    ['predict loans --row {"amount":"viel"}', 2, ["'amount'", '"viel"', 'it takes a whole number']],
    ['predict loans --row {"amont":3}', 2, ["'amont'", "Did you mean 'amount'?"]],
    [
      'predict loans --row {"amount":3000,"purpose":"car"}',
      0,
      ['"probability"', 'probability of ', '; label 1 says so', 'Next: millrace drift loans'],
    ],
    ['predict loans --row {} --model-version 99', 4, ['99', '`millrace models loans`']],
    [
      'predict loans --row {"amount":900,"purpose":"car"} --event-time 2100-01-01',
      0,
      ['--event-time is more than a day ahead: the answer counts in no window'],
    ],
    ['predict loans --input renamed.csv --output o.csv', 0, ["no column 'amount'", 'counts as missing', '10 rows']],
    ['predict loans --input words.csv --output o.csv', 1, ["'amount' is not of INT64 (a whole number)", '"viel"']],
    ['predict loans --input loans.ndjson --output o.csv', 0, ['2 rows predicted, 0 refused']],
    ['predict loans --input loans.csv --output no/o.csv', 4, ['there is no folder no', 'no/o.csv']],
    ['predict loans --input empty.csv --output o.csv', 2, ['empty.csv']],
    ['predict loans --input head.csv --output o.csv', 0, ['head.csv has a header, and no rows', '0 rows predicted']],
    ['predict loans --input loans.csv --output full.csv', 1, ['full.csv', 'No space left on device']],
    ['predict loans --input loans.csv --output o.csv', 0, ['600 rows predicted', 'Next: millrace drift loans']],
    ['loop loans stop', 0, ['stopped', 'Next: millrace loop loans resume']],
    ['loop loans resume', 0, ['calm']],
  ]);

  it(
    'all traffic that a version has already is no rollout, and without an earlier one nothing is taken back',
    async () => {
      const { output } = await lines.run(['--json', 'rollout', 'status', 'loans']);
      const route = JSON.parse(output) as { targets: { version: number }[]; previousVersion: number };
      const live = route.targets[0]?.version;
      const shows = '`millrace rollout status loans` shows';
      await tried(lines, `rollout start loans ${live} --by anna`, 5, [`version ${live} has all traffic`, shows]);
      const isNoted = async () => /"who":\s*"anna"/.test((await lines.run(['--json', 'audit', 'loans'])).output);
      await until(isNoted, LINE_WITHIN_MS, () => 'nobody called anna is in the audit');
      await tried(lines, `promote loans ${live}`, 5, [`version ${live} has all traffic`, shows]);
      if (route.previousVersion === 0) await tried(lines, 'rollback loans', 5, ['no previous version', shows]);
    },
    TEST_WITHIN_MS,
  );
});

describe('another program on the ports', () => {
  const OTHER = 'answered with text/html instead of JSON: another program listens on this port';
  it.each([
    ['status', 1, ['another program listens there']],
    ['projects list', 3, [OTHER, 'MILLRACE_PORT_OFFSET']],
    ['train loans', 3, [OTHER]],
    ['ingest loans --file ../loans.csv', 3, [OTHER]],
    ['rollout status loans', 3, [OTHER]],
    ['drift loans', 3, [OTHER]],
    ['predict loans --row {}', 3, ['no answer from 127.0.0.1:', '`millrace status`']],
    ['predict loans --row {} --via PAGE', 3, ['no answer from 127.0.0.1:', 'another V2 server']],
    ['watch --upstream PAGE', 3, ['nobody speaks V2 at 127.0.0.1:']],
  ] as const)('`millrace %s`', (...[line, code, told]) => tried(astray, line, code, told), TEST_WITHIN_MS);
});

describe('a schema that changes', () => {
  it.each([
    ['a column of a feature', 'name: purpose, type', 'name: zweck, type', ["no column 'purpose'", 'Known here']],
    ['its type', 'name: amount, type: integer', 'name: amount, type: text', ["'amount' is text", 'categorical']],
  ])(
    'is refused where %s is another, with the line',
    async (_what, from, to, told) => {
      const file = join(folder, 'project.yaml');
      const before = readFileSync(file, 'utf8');
      expect(before).toContain(from);
      writeFileSync(file, before.replace(from, to));
      try {
        await tried(lines, 'apply', 2, ['project.yaml:', ...told]);
      } finally {
        writeFileSync(file, before);
      }
    },
    TEST_WITHIN_MS,
  );
});

describe('what is not trained', () => {
  tryRows([
    [
      'new kinds.csv --yes --output kinds.yaml',
      2,
      ['no column has two values', '--no-label', "It may be --label 'kind="],
    ],
    ['new kinds.csv --delimiter ; --label kind=red --output k.yaml', 2, ['is one column', "say --delimiter ','"]],
    ['new kinds.csv --label kind --yes --output kinds.yaml', 2, ['answers yes or no', "--label 'kind=VALUE'", "'red'"]],
    ['new commas.csv --label late --output c.yaml', 2, ['--decimal , because numbers have a comma']],
    ['new commas.csv --label late --yes --output c.yaml', 0, ['decimal comma', '--file commas.csv', '"hohe":1.5']],
    ['new commas.csv --label late --decimal . --yes --output c.yaml --force', 2, ['no column is left', '--decimal ,']],
    ['new prices.csv --label price --yes --output p.yaml', 2, ['answers yes or no', "--label 'price>VALUE'"]],
    ['new bare.csv --no-label --yes --output bare.yaml', 0, ['nothing is trained', 'models register FILE']],
    ['apply bare.yaml', 0, ['applied bare', 'Next: millrace ingest bare --file FILE']],
    ['train bare', 2, ["'bare' has no label, so there is nothing to learn"]],
    ['ingest bare --file bare.csv', 0, ['90 rows accepted, 0 refused', 'Next: millrace models register FILE']],
    ['train bare', 2, ["'bare' has no label, so there is nothing to learn", 'add data.label']],
    ['ingest bare --file kinds.csv', 1, ['kinds.csv has none of the columns', 'its first line names']],
    ['ingest nobody --file bare.csv', 4, ["there is no project 'nobody'", '`millrace projects list`']],
    ['labels add bare --record a --value 1', 2, ['no label']],
    ['predict bare --row {"pressure":1}', 4, ['bare has no model version yet', 'millrace models register']],
    ['drift bare', 0, ['no window yet']],
    ['models bare', 0, ['Next: millrace models register FILE --project bare --unjudged']],
    ['datasets bare', 0, ['Next: millrace models register FILE --project bare --unjudged']],
    ['loop bare', 0, ['waits for nothing: the project has no label', 'Next: millrace models register FILE']],
    ['ingest bare --source x', 4, ["no source 'x'", 'It names none', '`millrace ingest bare --file FILE`']],
    ['ingest bare --file bare.ndjson --stream', 0, ['90 records accepted, 0 refused', 'Next: millrace datasets bare']],
    [
      'ingest bare --file bad.ndjson --stream',
      1,
      ['0 records accepted, 2 refused', 'refused row 1', 'pressure', 'dlq list bare'],
    ],
  ]);
});

describe('a terminal of 80 columns', () => {
  it.each([
    'new loans.csv --label bad=yes --yes --output other.yaml --force',
    'status',
    'projects list',
    'datasets loans',
    'models loans',
    'loop loans',
    'drift loans',
    'dlq list loans',
    'help',
    'help models register',
    'train loans --dataset abcdefab',
    'train loans',
    'predict loans --input loans.csv --output o80.csv',
    'ingest loans --file half.csv',
  ])(
    'shows no line of `millrace %s` in two',
    async (line) => {
      const run = platform.onTerminal([process.execPath, CLI, ...line.split(' ')], { columns: COLUMNS, cwd: folder });
      const { output } = await run.finished;
      const shown = output.split(NEW_LINE).map(stripVTControlCharacters);
      expect(shown.length).toBeGreaterThan(1);
      // A command to copy stays whole.
      expect(shown.filter((one) => widthOf(one) > COLUMNS && !one.startsWith('Next: '))).toEqual([]);
    },
    LINE_WITHIN_MS,
  );

  it(
    'has no colours, so that NO_COLOR changes nothing',
    async () => {
      const [plain, without] = await Promise.all([
        shell('millrace status'),
        shell('millrace status', folder, { NO_COLOR: '1' }),
      ]);
      expect([plain.output.includes('\u001b'), without.output.includes('\u001b')]).toEqual([false, false]);
    },
    LINE_WITHIN_MS,
  );
});

describe('pipes', () => {
  it.each([
    ['whose reader goes', 'millrace --json models loans | head -c 9; echo " ${PIPESTATUS[0]}"', '0'],
    ['whose reader never reads', 'millrace drift loans --limit 1000 | true; echo "${PIPESTATUS[0]}"', '0'],
    ['without stdout', 'millrace status >&-; echo "$?"', '0'],
    ['without stdin', 'millrace projects list <&- >/dev/null; echo "$?"', '0'],
    ['without stdin, where one would be asked', 'millrace projects delete loans <&-; echo "$?"', '2'],
    ['that are full', 'millrace status >/dev/full; echo "$?"', '0'],
  ])(
    '%s end in order',
    async (_what, line, code) => {
      const { output, errors } = await shell(line);
      expect([output.trim().split(/\s/).at(-1), errors]).toEqual([
        code,
        expect.not.stringMatching(/EPIPE|at .*:\d+:\d+/),
      ]);
    },
    LINE_WITHIN_MS,
  );
});

describe('Ctrl-C while it waits', () => {
  it.each([
    ['train loans', / train /, /the training goes on without it; `millrace models loans`/],
    [
      'ingest loans --file ../many.csv',
      / send /,
      /the same command goes on where it stopped|the import goes on without it; `millrace datasets loans`/,
    ],
    ['predict loans --input ../many.csv --output p.csv', / predict /, /p\.csv is not written/],
  ])(
    '`millrace %s` says what goes on',
    async (line, stage, told) => {
      const run = platform.onTerminal([process.execPath, CLI, ...line.split(' ')], {
        columns: COLUMNS,
        cwd: elsewhere,
      });
      await until(() => stage.test(run.output()), LINE_WITHIN_MS, run.output, run);
      run.type('\u0003');
      const { code, output } = await run.finished;
      expect([code, output.replace(/\s+/g, ' ')]).toEqual([130, expect.stringMatching(told)]);
      expect(output).toContain('millrace: stopped: ');
    },
    LINE_WITHIN_MS,
  );
});

describe('a project file that is edited between two trainings', () => {
  const edits = join(folder, 'edits');
  const file = join(edits, 'project.yaml');
  const trains = (code: number, told: readonly string[]) => tried(lines, 'train edits', code, told, edits);
  const ingests = (name: string) =>
    tried(lines, `ingest edits --file ${name}`, 0, ['600 rows accepted, 0 refused'], edits);
  function edit(from: RegExp, to: string): void {
    const before = readFileSync(file, 'utf8');
    expect(before).toMatch(from);
    writeFileSync(file, before.replace(from, to));
  }
  const row = 'predict edits --row {"amount":9000,"purpose":"car"}';

  beforeAll(async () => {
    mkdirSync(edits);
    const first = loans(HEAD, 600).replaceAll(/,yes$/gm, ',ja').replaceAll(/,no$/gm, ',nein');
    writeFileSync(join(edits, 'edits.csv'), first);
    writeFileSync(join(edits, 'second.csv'), first.replaceAll(/^L/gm, 'M').replaceAll('2024-', '2025-'));
    await tried(lines, 'new edits.csv --label bad=ja --yes', 0, ['Next: millrace ingest edits'], edits);
    for (const name of ['edits.csv', 'second.csv']) await ingests(name);
    await trains(0, ['version 1 is blessed']);
    await tried(lines, row, 0, ['probability of bad = "ja"']);
  }, TEST_WITHIN_MS);

  it(
    'keeps labels of two rules apart, and a version says what it has learnt',
    async () => {
      edit(/value: "?ja"?/, 'value: nein');
      await trains(1, ['no dataset version is left', '(bad = "ja")', '`millrace ingest edits --file edits.csv`']);
      await tried(lines, row, 0, ['probability of bad = "ja"']);
      await ingests('edits.csv');
      await trains(0, [
        'version 2 is blessed',
        'warning: 1 of 2 dataset versions left out: the labels of dataset version',
        '(second.csv) were made by another rule (bad = "ja") than that of the project file (bad = "nein")',
        '`millrace ingest edits --file second.csv`',
        'Version 1 (in service) was not compared with',
      ]);
      await tried(lines, row, 0, ['probability of bad = "nein"']);
      await tried(lines, `${row} --model-version 1`, 0, ['probability of bad = "ja"']);
      await ingests('second.csv');
      const { output } = await lines.run(['train', 'edits'], edits);
      expect(output).toMatch(/^version 3 is /);
      expect(output).not.toMatch(/left out|not compared/);
    },
    2 * TEST_WITHIN_MS,
  );

  it(
    'says which versions lack a column that was added, and goes on where one has it',
    async () => {
      edit(/^( *)(- \{ name: amount, type: integer.*)$/m, '$1$2\n$1- { name: income, type: integer }');
      edit(/^( *)(- \{ name: amount, kind: .*)$/m, '$1$2\n$1- { name: income, kind: numeric }');
      await trains(1, ['column "income" is not in 2 dataset versions', 'ingest edits --file edits.csv`']);
      const withIncome = (name: string) =>
        readFileSync(join(edits, name), 'utf8')
          .trimEnd()
          .split('\n')
          .map((line, at) => `${line},${at === 0 ? 'income' : 100 * (at % 37)}`);
      writeFileSync(join(edits, 'edits.csv'), `${withIncome('edits.csv').join('\n')}\n`);
      await ingests('edits.csv');
      const { output } = await lines.run(['train', 'edits'], edits);
      expect(output.replaceAll(/\s+/g, ' ')).toMatch(
        /column "income" is not in 1 dataset version: 600 rows of dataset version \w+ \(second\.csv\) count as missing/,
      );
    },
    2 * TEST_WITHIN_MS,
  );
});

describe('a service that hangs', () => {
  it(
    'is told from one that is down, within a bound, and the others are told all the same',
    async () => {
      const hung = ['ingest', 'trainer', 'monitor'].map((name) => platform.pidOf(`services/${name}/src/main.js`));
      for (const pid of hung) process.kill(pid, 'SIGSTOP');
      try {
        const commands = ['status', 'projects list', 'drift loans', 'loop loans', 'stream close loans'];
        const told = await Promise.all(commands.map((command) => shell(`millrace ${command}`, elsewhere)));
        expect(told.map(({ code }) => code)).toEqual([1, 3, 3, 3, 3]);
        expect(told[0]?.output).toMatch(/monitor .* no answer within 2 s/);
        for (const { errors } of told.slice(1, -1))
          expect(errors).toMatch(/no answer within 5 s: the service hangs. `millrace status`/);
        // Which would have changed something.
        expect(told.at(-1)?.errors).toMatch(/no answer within 30 s: .*`millrace status`/);
      } finally {
        for (const pid of hung) process.kill(pid, 'SIGCONT');
      }
    },
    TEST_WITHIN_MS,
  );

  it(
    'is waited for no longer than Kafka is: an import ends with what to do, and is done once Kafka is back',
    async () => {
      const broker = platform.pidOf('kafka.Kafka');
      const importing = shell('millrace ingest loans --file ../many.csv', elsewhere);
      process.kill(broker, 'SIGKILL');
      const { code, output, errors } = await importing;
      const again = 'millrace ingest loans --file ../many.csv';
      if (code !== 0) expect([code, `${output}${errors}`]).toEqual([1, expect.stringContaining(`Next: ${again}`)]);
      expect(code === 0 ? output : errors).toMatch(code === 0 ? /40000 rows accepted/ : /Next: millrace ingest/);
      const later = await shell(again, elsewhere);
      expect([later.code, later.output]).toEqual([0, expect.stringContaining('40000 rows accepted')]);
    },
    TEST_WITHIN_MS,
  );
});

describe('a home that is none', () => {
  it.each([
    ['a file', () => join(folder, 'loans.csv'), 'a part of this path is a file'],
    ['read-only', () => '/sys/millrace', 'this user may not'],
  ])(
    '(%s) is told before anything starts',
    async (_what, home, why) => {
      const { code, errors } = await shell('millrace up', folder, { MILLRACE_HOME: home() });
      expect([code, errors]).toEqual([2, expect.stringContaining(`${home()}/logs: ${why}`)]);
      expect(errors).toContain('MILLRACE_HOME names a folder that this user may write to');
    },
    LINE_WITHIN_MS,
  );
});

describe('afterwards', () => {
  it(
    'each answer is JSON with --json',
    async () => {
      for (const line of [
        'status',
        'projects list',
        'datasets loans',
        'models loans',
        'loop loans',
        'drift loans',
        'events loans',
        'rollout status loans',
        'dlq list loans',
        'predict loans --row {"amount":3000,"purpose":"car"}',
      ]) {
        const { output, errors } = await lines.run(['--json', ...line.split(' ')]);
        expect([line, typeof JSON.parse(output), errors]).toEqual([line, 'object', '']);
      }
    },
    LINE_WITHIN_MS,
  );

  it(
    'a script goes on from one command to the next by what each has answered',
    async () => {
      const script = [
        'exec 9>said.txt; BASH_XTRACEFD=9; set -ex',
        'version=$(millrace --json ingest loans --file ../loans.csv 2>&9 | "$NODE" -p "$PICK" datasetVersion)',
        'millrace --json datasets loans | grep -qF "$version"',
        'trained=$(millrace --json train loans --dataset "$version" 2>&9 | "$NODE" -p "$PICK" last.version)',
        'millrace --json models loans | grep -qF "\\"version\\": $trained,"',
        'echo "$trained"',
      ];
      // As text: of a number Node's -p makes one in colours where FORCE_COLOR is set, as nx sets it.
      const PICK =
        'String(process.argv[1].split(".").reduce((value, name) => value[name], JSON.parse(require("node:fs").readFileSync(0))))';
      const { code, output, errors } = await shell(script.join('\n'), elsewhere, { PICK });
      if (code !== 0) throw new Error(readFileSync(join(elsewhere, 'said.txt'), 'utf8'));
      expect([errors, output]).toEqual(['', expect.stringMatching(/^\d+\n$/)]);
    },
    TEST_WITHIN_MS,
  );

  tryRows([
    ['projects delete loans', 2, ['add --yes']],
    ['projects delete loans --yes', 0, ['loans is deleted', 'Next: millrace projects list']],
    ['projects delete loans --yes', 4, ["there is no project 'loans'"]],
    ['train loans', 4, ["there is no project 'loans'"], 'elsewhere'],
  ]);
});
