// What people get wrong on the command line, against the real command without a platform: each is refused with the
// option, the value and what to write, with the documented exit code, before anything else happens. And the command is
// the same from another folder, by a link as `npm link` makes it and by `npm --prefix`.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { CommandLines, cloneRoot, LOANS_PROJECT, type Told } from '@millrace/testing';

const folder = mkdtempSync(join(tmpdir(), 'millrace-wrong-use-'));
/** Nothing listens there. */
const PORT_OFFSET = '46000';
const env = {
  ...environment(),
  NODE_OPTIONS: '',
  MILLRACE_HOME: join(folder, 'home'),
  MILLRACE_PORT_OFFSET: PORT_OFFSET,
};

/** A process of its own, from a folder. */
function run(command: string, args: readonly string[], more: Record<string, string> = {}): Promise<Told> {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: folder, env: { ...env, ...more } }, (error, output, errors) =>
      resolve({ code: Number(error?.code ?? 0), output, errors }),
    );
  });
}

const lines = new CommandLines(folder, env);

beforeAll(() => {
  writeFileSync(join(folder, 'project.yaml'), LOANS_PROJECT);
  writeFileSync(join(folder, 'bad.yaml'), LOANS_PROJECT.replace('type: number', 'type: numbr'));
  writeFileSync(join(folder, 'bad.ndjson'), '{"a": 1}\n{a: 2}\n');
  writeFileSync(join(folder, 'rows.csv'), 'amount\n1\n');
  writeFileSync(join(folder, 'loans.csv'), 'id,amount,defaulted\n1,10,yes\n2,20,no\n3,30,yes\n');
  writeFileSync(
    join(folder, 'picture.png'),
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 1, 2, 0xff, 10, 3, 4]),
  );
  writeFileSync(join(folder, 'model.onnx'), Buffer.from('\x08\x07\x12\x07skl2onnx:\x01x', 'latin1'));
  writeFileSync(join(folder, 'noise.bin'), Buffer.from([1, 2, 3, 0xff, 10, 0xfe, 5, 10]));
  writeFileSync(join(folder, 'book.xlsx'), Buffer.from([0x50, 0x4b, 3, 4, 20, 0]));
  writeFileSync(join(folder, 'empty.csv'), '');
  writeFileSync(join(folder, 'head.csv'), 'a,b,c\n');
  writeFileSync(join(folder, 'utf16.yaml'), Buffer.from(`\uFEFF${LOANS_PROJECT}`, 'utf16le'));
  writeFileSync(join(folder, 'tabs.yaml'), LOANS_PROJECT.replaceAll('\n  ', '\n\t'));
  writeFileSync(join(folder, 'twice.yaml'), `${LOANS_PROJECT}name: again\n`);
  writeFileSync(join(folder, 'unknown.yaml'), `${LOANS_PROJECT}trainning: { epochs: 3 }\n`);
  writeFileSync(join(folder, 'number.yaml'), LOANS_PROJECT.replace('name: loans', 'name: 7'));
  writeFileSync(join(folder, 'absurd.yaml'), `${LOANS_PROJECT}training: { epochs: -5, workers: 5000 }\n`);
  writeFileSync(join(folder, 'alias.yaml'), 'name: a\ndata: &a [*b]\n');
  writeFileSync(join(folder, 'twins.csv'), `a,a,y\n${'1,2,3\n4,5,6\n'.repeat(20)}`);
  execFileSync('mkfifo', [join(folder, 'pipe.csv')]);
  symlinkSync('circle.csv', join(folder, 'circle.csv'));
  writeFileSync(join(folder, 'list.yaml'), '- a\n- b\n');
});
afterAll(async () => {
  await lines.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The line, what it is told, the exit code. */
const WRONG: readonly (readonly [string, readonly string[], number])[] = [
  ['trian loans', ["unknown command 'trian'", 'Did you mean train?'], 2],
  ['help trian', ["unknown command 'trian'", 'Did you mean train?'], 2],
  ['help models regster', ["unknown command 'regster'", 'Did you mean register?'], 2],
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
  ['ingest loans --source s --rows -3', ['--rows', "'-3'", 'or "all"'], 2],
  ['ingest loans --source s --from yesterday', ['--from', "'yesterday'", 'Write a date'], 2],
  ['ingest loans --source s --to 2026-13-01', ['--to', "'2026-13-01'", 'Write a date'], 2],
  ['drift loans --limit all', ['--limit', "'all'", 'from 1 to 1000'], 2],
  ['drift loans --limit 1001', ['--limit', "'1001'", 'from 1 to 1000'], 2],
  ['dlq list loans --limit 0', ['--limit', "'0'", 'from 1 to 1000'], 2],
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
  ['loop loans pause', ['word', "'pause'", 'Write approve, reject, stop or resume.'], 2],
  ['predict loans', ['give --row JSON, or --input FILE and --output FILE'], 2],
  ['predict loans --input rows.csv', ['--output is missing'], 2],
  ['predict loans --row {} --rows-per-request 5', ['--rows-per-request does not go with --row: leave it out'], 2],
  ['predict loans --row {} --by-event-time', ['--by-event-time does not go with --row: leave it out'], 2],
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
  ['models register none.onnx --project loans', ['there is no file or folder', 'none.onnx'], 4],
  ['models register rows.csv --project loans', ['rows.csv is no model that can be registered'], 2],
  ['apply none.yaml', ['there is no project file none.yaml', 'write `millrace apply FILE`'], 4],
  ['apply none.yaml --check', ['there is no project file none.yaml'], 4],
  ['apply --infer none.csv', ['there is no file', 'none.csv'], 4],
  ['replay --project none.yaml', ['there is no project file none.yaml'], 4],
  ['predict loans --input rows.csv --output o.csv --project none.yaml', ['there is no project file none.yaml'], 4],
  ['predict loans --input rows.csv --output no/o.csv', ['there is no folder no', 'no/o.csv'], 4],
  ['ingest loans --file none.csv', ['there is no file', 'none.csv'], 4],
  ['ingest loans --file none.ndjson --stream', ['there is no file none.ndjson'], 4],
  ['labels add loans --file none.csv', ['there is no file', 'none.csv'], 4],
  ['apply bad.yaml --check', ['bad.yaml:8:', 'type'], 2],
  ['labels add loans', ['give --file FILE, or --record ID or --prediction ID with --value'], 2],
  ['labels add loans --record a --prediction b --value 1', ['--record and --prediction both say', 'leave one'], 2],
  // What the outcome's own words are is known where the project is.
  ['labels add loans --record a --value yes', ['no answer; is the platform up?'], 3],
  ['labels add loans --record a', ['--value is missing: write true, false, 1 or 0, or the outcome'], 2],
  ['labels add loans --file rows.csv --value 1', ['with --file the labels are in the file: leave --value out'], 2],
  ['labels add loans --record a --value 1 --known-at never', ['--known-at', "'never'", 'Write a date'], 2],
  ['projects delete loans', ['deleting loans has to be meant: add --yes'], 2],
  ['projects list', ['no answer; is the platform up?'], 3],
  // Tried by hand, as a stranger does.
  ['predict loans --row {}', ['no answer from 127.0.0.1:54001; is the platform up', '`millrace status`'], 3],
  ['predict loans --input rows.csv --output o.csv', ['no answer from 127.0.0.1:54001', '`millrace status`'], 3],
  ['predict loans --row {} --via localhost:1', ['no answer from localhost:1', 'another V2 server'], 3],
  ['new rows.cvs --output n.yaml', ['there is no file', 'rows.cvs'], 4],
  ['new twins.csv --output n.yaml --label y=3', ['no column is left as a feature', "the header names 'a' twice"], 2],
  ['new pipe.csv --output n.yaml', ['pipe.csv is no file but a pipe', 'save what it gives to a file first'], 2],
  ['ingest loans --file pipe.csv', ['pipe.csv is no file but a pipe'], 2],
  ['labels add loans --file pipe.csv', ['pipe.csv is no file but a pipe'], 2],
  ['predict loans --input pipe.csv --output o.csv', ['pipe.csv is no file but a pipe'], 2],
  ['new circle.csv --output n.yaml', ['circle.csv: its links lead in a circle'], 2],
  ['new . --output n.yaml', ['is a folder; name a CSV, NDJSON or Parquet file'], 2],
  ['new picture.png --output n.yaml', ['picture.png is a picture (PNG), no table'], 2],
  ['new noise.bin --output n.yaml', ['noise.bin holds binary data, no text', 'is it a CSV'], 2],
  ['new book.xlsx --output n.yaml', ['Excel workbook: save the sheet as CSV'], 2],
  ['new empty.csv --output n.yaml', ['empty.csv is empty'], 2],
  ['new head.csv --output n.yaml --yes', ['head.csv has no rows'], 2],
  ['new loans.csv --output n.yaml --label defualted', ["'defualted'", "Did you mean 'defaulted'?"], 2],
  ['new loans.csv --output n.yaml --yes --name My·Loans!', ['"My Loans!"', 'lower-case letters, digits and -'], 2],
  ['new loans.csv --output no/p.yaml --yes', ['there is no folder no', 'make it for no/p.yaml'], 4],
  ['new loans.csv --output loans.csv/p.yaml --yes', ['loans.csv/p.yaml', 'a part of this path is a file'], 2],
  ['new loans.csv --output . --yes', ['--output . is a folder: name a file in it'], 2],
  ['new loans.csv --yes', ['project.yaml is there already', '--force writes over it'], 5],
  // The input is looked at before the output.
  ['new none.csv', ['there is no file', 'none.csv'], 4],
  ['new model.onnx', ['model.onnx is a model (ONNX), no table', '`millrace models register`'], 2],
  ['new model.onnx --output n.yaml', ['model.onnx is a model (ONNX), no table'], 2],
  ['new loans.csv --output n.yaml --label defaulted=7', ["'defaulted' holds yes or no, not '7'"], 2],
  ['new loans.csv --output n.yaml --label defaulted=maybe', ["say --label 'defaulted', or 'defaulted=false'"], 2],
  ['new loans.csv --output n.yaml --label amount>viel', ["holds numbers, 'viel' is none", "--label 'amount>VALUE'"], 2],
  ['new loans.csv --output n.yaml --decimal x', ["Write '.' or ','."], 2],
  ['new loans.csv --output n.yaml --label y', ["there is no column 'y'", 'Known here: id, amount, defaulted.'], 2],
  ['new loans.csv --output n.yaml --label amount=15', ["'amount' never fulfils that", 'Known here: 10, 20, 30.'], 2],
  ['apply .', ['. is a folder: name the project file in it'], 2],
  ['apply loans.csv --check', ['loans.csv:1:1', 'no project file', '`millrace new FILE`'], 2],
  ['apply picture.png --check', ['picture.png is no UTF-8 text', 'YAML, saved as UTF-8'], 2],
  ['apply utf16.yaml --check', ['utf16.yaml is UTF-16', 'saved as UTF-8'], 2],
  ['apply empty.csv --check', ['the file is empty', '`millrace new FILE`'], 2],
  ['apply project.yaml bad.yaml', ['too many arguments', 'project.yaml, bad.yaml'], 2],
  ['apply tabs.yaml --check', ['tabs.yaml:3:1', 'write spaces'], 2],
  ['apply twice.yaml --check', ['twice.yaml:12:1', 'the key name stands twice', 'leave one'], 2],
  ['apply unknown.yaml --check', ["unknown key 'trainning'", "Did you mean 'training'?"], 2],
  ['apply number.yaml --check', ['number.yaml:1:7', 'name: 7 is not a text. Write a text.'], 2],
  ['apply absurd.yaml --check', ['training.workers: 5000 is too large; at most 64'], 2],
  ['apply absurd.yaml --check', ['training.epochs: -5 is too small; at least 1'], 2],
  ['apply alias.yaml --check', ['alias.yaml:1:1', 'Unresolved alias', 'b'], 2],
  ['apply list.yaml --check', ['list.yaml:1:1', 'no project file'], 2],
  ['apply', ['no answer; is the platform up?'], 3],
  ['rollout start loans 2 --force', ['--force takes --by'], 2],
  ['rollout start loans 2 --by anna', ['no answer; is the platform up?'], 3],
  ['ingest loans --file rows.csv', ['no answer; is the platform up?'], 3],
  ['train ""', ["'' is invalid", "Write a project's name"], 2],
  ['train ../../etc', ["'../../etc'", "Write a project's name: lower-case letters"], 2],
  ['train \uFFFD\uFFFD', ["'\uFFFD\uFFFD'", "Write a project's name"], 2],
  [`train ${'x'.repeat(5_000)}`, [`'${'x'.repeat(80)}…'`, 'at most 63 characters'], 2],
  ['up project.yaml', ['too many arguments', 'project.yaml'], 2],
  ['up --wokers 2', ["'--wokers'", 'Did you mean --workers?'], 2],
  ['serve --repository nowhere', ['there is no folder', 'nowhere'], 4],
];

describe('the command line', () => {
  it.each(WRONG)('`millrace %s` says what is wrong', async (line, told, code) => {
    const { errors, ...rest } = await lines.run(wordsOf(line));
    const said = errors.replace(/\s+/g, ' ');
    expect([rest.code, said]).toEqual([code, expect.stringContaining(told[0] as string)]);
    for (const part of told) expect(said).toContain(part);
    expect(errors).toMatch(/^millrace: /m);
    expect(rest.output).toBe('');
  });

  it.each([
    ['foo', "unknown command 'foo'"],
    ['uppp --x', "unknown command 'uppp'"],
  ])('suggests nothing that is far from what was typed: %s', async (line, told) => {
    const { code, errors } = await lines.run(wordsOf(line));
    expect([code, errors]).toEqual([2, `millrace: ${told}\n`]);
  });

  it('is told 40 mistakes and more', () =>
    expect(new Set(WRONG.map(([line]) => line)).size).toBeGreaterThanOrEqual(40));

  it('says it as JSON with --json', async () => {
    const { code, output } = await lines.run(['--json', 'train', 'loans', '--seed', 'abc']);
    expect([code, JSON.parse(output)]).toMatchObject([2, { error: { code: 'invalid_argument' } }]);
  });
});

describe('outside of the clone', () => {
  const checked = [0, 'project.yaml: no faults\n', 'Next: millrace apply project.yaml\n'];

  it('works by a link from another folder, whose files it reads', async () => {
    mkdirSync(join(folder, 'bin'));
    symlinkSync(join(cloneRoot(), 'tools/setup/millrace.mjs'), join(folder, 'bin/millrace'));
    const { code, output, errors } = await run(process.execPath, [join(folder, 'bin/millrace'), 'apply', '--check']);
    expect([code, output, errors]).toEqual(checked);
  }, 60_000);

  it('works by `npm --prefix DIR exec`, and reads the files of the folder it is typed in', async () => {
    const args = ['--prefix', cloneRoot(), 'exec', '--offline', '--', 'millrace', 'apply', '--check'];
    const { code, output, errors } = await run('npm', args);
    // What comes next can be pasted there.
    const next = `Next: npm --prefix ${cloneRoot()} exec -- millrace apply project.yaml\n`;
    expect([code, output, errors]).toEqual([...checked.slice(0, 2), next]);
  }, 60_000);

  it('is not what `npx millrace` would run: that asks the registry for a package of this name', async () => {
    const asked: string[] = [];
    const registry = createServer((request, response) => {
      asked.push(String(request.url));
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
    });
    await new Promise<void>((listening) => registry.listen(0, '127.0.0.1', listening));
    const { port } = registry.address() as { port: number };
    // Else what is installed in a folder above is found first, whoever has left it there.
    writeFileSync(join(folder, 'package.json'), '{}');
    const { code } = await run('npx', ['--yes', 'millrace', 'status'], {
      npm_config_registry: `http://127.0.0.1:${port}/`,
      npm_config_cache: join(folder, 'npm-cache'),
    });
    registry.close();
    expect(code).not.toBe(0);
    expect(asked).toContain('/millrace');
  }, 60_000);
});

/** As a shell parts it, without quotes; U+00B7 stands for a space within a word. */
function wordsOf(line: string): string[] {
  return line.split(' ').map((word) => (word === '""' ? '' : word.replaceAll('\u00B7', ' ')));
}

it('a project file that is no YAML is told by whatever would take it, not as a project that there is not', async () => {
  const twice = join(folder, 'twice');
  mkdirSync(twice);
  writeFileSync(join(twice, 'project.yaml'), `${LOANS_PROJECT}\nretrain: { every: 1d }\nretrain: { rows: 9 }\n`);
  const here = new CommandLines(twice, env);
  for (const line of ['ingest loans --file ../rows.csv', 'train loans']) {
    const { code, errors } = await here.run(line.split(' '));
    expect([line, code, errors]).toEqual([line, 2, expect.stringContaining('the key retrain stands twice')]);
  }
  await here.close();
});
