// The command `millrace` against a running ingest, as a user has it: apply, ingest, dlq; what it says and its exit
// codes.

import { spawn } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { cloneRoot, eventually } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT } from './ingest-process.js';

let ingest: IngestProcess;
/** The user's own folder, with the project file and data. */
let folder: string;

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

const millrace = (...args: string[]): Promise<Ended> => millraceIn(folder, ...args);

async function millraceIn(cwd: string, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(cloneRoot(), 'dist/apps/cli/src/main.js'), ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: environment().PATH,
      MILLRACE_HOME: ingest.home,
      MILLRACE_INGEST_HTTP_PORT: String(ingest.port),
    },
  });
  const ended: Ended = { code: null, out: '', err: '' };
  child.stdout.on('data', (piece: Buffer) => {
    ended.out += piece;
  });
  child.stderr.on('data', (piece: Buffer) => {
    ended.err += piece;
  });
  ended.code = await new Promise((resolve) => child.once('close', resolve));
  return ended;
}

const write = (name: string, content: string | Uint8Array) => writeFile(join(folder, name), content);

beforeAll(async () => {
  await buildServices();
  ingest = await IngestProcess.create();
  folder = await mkdtemp(join(tmpdir(), 'millrace-user-'));
  await write('project.yaml', PROJECT);
}, 120_000);
afterAll(async () => {
  await ingest?.remove();
  await rm(folder, { recursive: true, force: true });
});

describe('millrace ingest', () => {
  it('loads a source beside the project file once the file is applied, and no other', async () => {
    await write('history.csv', 'id,at,customer,amount,kind,paid\nh1,2024-01-01,ann,1,car,1\n');
    expect(await millrace('apply')).toMatchObject({
      code: 0,
      out: 'applied loans, revision 1\n',
      err: 'Next: millrace ingest loans --source history\n',
    });
    const { code, out, err } = await millrace('ingest', 'loans', '--source', 'history');
    expect([code, out, err]).toEqual([
      0,
      expect.stringMatching(/^history: 1 row accepted, 0 refused, dataset version [0-9a-f]{12}\n$/),
      expect.stringMatching(/\nNext: millrace train loans\n$/),
    ]);
    await mkdir(join(folder, 'other'));
    await ingest.apply(PROJECT, '/etc');
    // Where no project file lies that would be applied first.
    const refused = await millraceIn(join(folder, 'other'), 'ingest', 'loans', '--source', 'history');
    expect([refused.code, refused.out]).toEqual([
      1,
      expect.stringContaining('/etc/history.csv lies outside of the import roots'),
    ]);
  }, 60_000);

  it('sends a file, says how it read it, and counts what it refused with an example each', async () => {
    const rows = ['2024-01-01;ann;1,5;car;1', '2024-01-02;bob;viel;car;0', '2024-01-03;M\u00fcller;2,5;car;1'];
    await write('loans.csv', Buffer.from(`at;customer;amount;kind;paid\r\n${rows.join('\r\n')}\r\n`, 'latin1'));
    const { code, out, err } = await millrace('ingest', 'loans', '--file', 'loans.csv', '--decimal', ',');
    expect([code, out.split('\n')]).toEqual([
      0,
      [
        expect.stringMatching(/^loans\.csv: 2 rows accepted, 1 refused, dataset version [0-9a-f]{12}$/),
        "  read as CSV with ';', decimal ',', windows-1252",
        '  warning: loans.csv is no UTF-8 and was read as Windows-1252 (Latin-1); `--encoding` says otherwise',
        '  refused 1 × row 2, amount: "viel" is not a number',
        '  refused rows: `millrace dlq list loans`',
        '',
      ],
    ]);
    expect(err).toMatch(/✔ ingest[\s\S]*\nNext: millrace train loans\n$/);
    const json = await millrace(
      '--json',
      'ingest',
      'loans',
      '--file',
      'loans.csv',
      '--decimal',
      ',',
      '--encoding',
      'latin-1',
    );
    expect(JSON.parse(json.out)).toMatchObject({ state: 'done', warnings: [], csv: { encoding: 'latin1' } });
  }, 60_000);

  it('closes what is open of the stream, and sets its clock back, but not ahead of now', async () => {
    await ingest.apply(PROJECT);
    expect(await millrace('stream', 'close', 'loans')).toMatchObject({ code: 0, out: 'nothing was open\n' });
    const rows = [{ recordId: 'open', values: { at: '2024-01-01', customer: 'ann', amount: 1 } }];
    expect((await ingest.post('/v1/projects/loans/records', rows)).body).toMatchObject({ accepted: 1 });
    expect(await millrace('stream', 'close', 'loans')).toMatchObject({
      code: 0,
      out: 'closed: 1 dataset version\n',
      err: 'Next: millrace datasets loans\n',
    });
    expect(await millrace('stream', 'reset-watermark', 'loans', '--to', '2024-01-01')).toMatchObject({
      code: 0,
      out: 'the watermark of loans is 2024-01-01T00:00:00Z at most\n',
    });
    expect((await millrace('stream', 'reset-watermark', 'loans')).code).toBe(0);
    const ahead = await millrace('stream', 'reset-watermark', 'loans', '--to', '2999-01-01');
    expect([ahead.code, ahead.out + ahead.err]).toEqual([2, expect.stringContaining('ahead of now')]);
    expect((await millrace('stream', 'close', 'lones')).code).toBe(4);
  }, 60_000);

  it('asks for the decimal comma where numbers have one', async () => {
    await write('comma.csv', 'at;customer;amount\n2024-01-01;ann;1,5\n');
    const { code, out } = await millrace('ingest', 'loans', '--file', 'comma.csv');
    expect([code, out]).toEqual([
      1,
      expect.stringContaining("have a decimal comma: write `decimal: ','` under data of the project file"),
    ]);
  }, 60_000);

  it.each([
    ['a missing file', ['--file', 'none.csv'], 4, 'there is no file'],
    ['a folder', ['--file', '.'], 2, 'is a folder; name a CSV'],
    ['an empty file', ['--file', 'empty.csv'], 2, 'is empty: a header line and rows are expected'],
    ['another header', ['--file', 'header.csv'], 1, 'has no column "customer"; its first line names'],
    ['a wrong delimiter', ['--file', 'loans.csv', '--delimiter', ','], 1, "say --delimiter ';'"],
    ['a delimiter of two characters', ['--file', 'loans.csv', '--delimiter', ';;'], 2, 'Write one character'],
    ['an unknown encoding', ['--file', 'loans.csv', '--encoding', 'klingon'], 2, "Write 'utf-8' or"],
    ['a date that is none', ['--file', 'loans.csv', '--from', '2024-02-30'], 2, 'Write a date or a time'],
    ['rows that are no number', ['--file', 'loans.csv', '--rows', 'some'], 2, 'or "all"'],
    ['neither file nor source', [], 2, 'name either --file FILE or --source NAME'],
    ['an unknown source', ['--source', 'histry'], 4, "Did you mean 'history'?"],
    ['a stream of CSV', ['--file', 'loans.csv', '--stream'], 2, '--stream takes a JSON list or one JSON object a line'],
  ])('with %s says what to do', async (_what, args, code, words) => {
    await write('empty.csv', '');
    await write('header.csv', 'at,costumer,amount\n2024-01-01,ann,1\n');
    const ended = await millrace('ingest', 'loans', ...args);
    expect([ended.code, ended.out + ended.err]).toEqual([code, expect.stringContaining(words)]);
  });

  it('takes a file of many pieces, and the same with one more row as another', async () => {
    const row = (i: number) => `2024-01-01,c${i % 9},${i},car,${i % 2},${'x'.repeat(200)}\n`;
    const rows = Array.from({ length: 60_000 }, (_, i) => row(i));
    await write('large.csv', `at,customer,amount,kind,paid,note\n${rows.join('')}`);
    expect((await millrace('ingest', 'loans', '--file', 'large.csv')).out).toContain('60000 rows accepted, 0 refused');
    await appendFile(join(folder, 'large.csv'), row(1));
    expect((await millrace('ingest', 'loans', '--file', 'large.csv')).out).toContain('60001 rows accepted');
  }, 120_000);

  it('streams records with --stream', async () => {
    await write('live.ndjson', '{"recordId":"l1","at":"2024-01-01","customer":"ann","amount":1}\n{"recordId":"l2"}\n');
    const { code, out } = await millrace('ingest', 'loans', '--file', 'live.ndjson', '--stream');
    expect([code, out]).toEqual([
      1,
      expect.stringContaining('1 record accepted, 1 refused\n  refused row 2 (l2): at: is missing'),
    ]);
  });
});

describe('millrace dlq', () => {
  it('shows row, column, value and reason, takes the ids it shows, and says by its exit code what came of them', async () => {
    await write('boats.csv', 'at,customer,amount,kind,paid\n2024-01-01,sea,1,boat,1\n');
    expect((await millrace('ingest', 'loans', '--file', 'boats.csv')).code).toBe(1);
    const line = await eventually('the letter is listed', async () => {
      const { out } = await millrace('dlq', 'list', 'loans');
      return out.split('\n').find((one) => one.includes('boats.csv'));
    });
    const [, id] =
      /^([0-9a-f]{12}) {2}upload:boats\.csv +1 +[0-9a-f]{16}\/1 +kind +"boat" +"boat" is not one of the 2 allowed values$/.exec(
        line,
      ) ?? [];
    expect(line).toContain(String(id));
    const again = await millrace('dlq', 'redrive', id as string);
    expect([again.code, again.out]).toEqual([1, expect.stringContaining('refused again: kind "boat" is not one of')]);
    expect(again.err).toMatch(
      /^Next: millrace dlq list loans {3}# .*; or mend project.yaml, apply it, and redrive again/,
    );
    await write('project.yaml', PROJECT.replace('[car, house]', '[car, house, boat]'));
    expect((await millrace('apply')).code).toBe(0);
    expect(await millrace('dlq', 'redrive', id as string)).toMatchObject({
      code: 0,
      out: 'taken in: it is in the live stream of loans now, and the next dataset version that closes has it\n',
      err: 'Next: millrace datasets loans\n',
    });
    expect((await millrace('dlq', 'list', 'loans')).out).not.toContain(id);
    expect((await millrace('dlq', 'list', 'loans', '--redriven')).out).toContain(id);
    const twice = await millrace('dlq', 'redrive', id as string);
    expect([twice.code, twice.err]).toEqual([5, expect.stringContaining('already')]);
    expect((await millrace('dlq', 'redrive', id as string, '--again')).code).toBe(0);
    expect((await millrace('dlq', 'redrive', 'ffffffffffff')).code).toBe(4);
  }, 60_000);
});
