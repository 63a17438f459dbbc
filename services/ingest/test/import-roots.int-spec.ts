// MILLRACE_INGEST_IMPORT_ROOTS on a running ingest: what a project file's source may name, by the API that anybody can
// call. Whatever is refused gives nothing of the file back, in no message and no dead letter.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@millrace/testing';
import { type Answer, buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const SECRET = 'a-secret-of-the-machine';
const outside = mkdtempSync(join(tmpdir(), 'millrace-roots-'));
const real = join(outside, 'data');
const linked = join(outside, 'by-link');
const GOOD = `at,customer,amount,kind,paid\n${START_MS},c1,5,car,1\n`;

/** Named by what is tried; each a path of a source. */
const SOURCES = {
  inside: join(real, 'good.csv'),
  throughroot: join(linked, 'good.csv'),
  linkinside: join(real, 'to-good.csv'),
  outside: join(outside, 'secret.csv'),
  dots: `${real}/deep/../../secret.csv`,
  linkout: join(real, 'to-secret.csv'),
  linkfolder: join(real, 'up', 'secret.csv'),
  prefix: join(outside, 'data-of-others', 'secret.csv'),
  passwd: '/etc/passwd',
  environment: '/proc/self/environ',
  linkproc: join(real, 'to-environment.csv'),
  openfile: '/proc/self/fd/0',
  zero: '/dev/zero',
  linkzero: join(real, 'to-zero.csv'),
  pipe: join(real, 'pipe.csv'),
  folder: real,
  ring: join(real, 'ring.csv'),
  nowhere: join(real, 'none.csv'),
  broken: join(real, 'broken.parquet'),
};

let ingest: IngestProcess;

beforeAll(async () => {
  await buildServices();
  for (const folder of ['data/deep', 'data-of-others']) mkdirSync(join(outside, folder), { recursive: true });
  for (const path of ['secret.csv', 'data-of-others/secret.csv'])
    writeFileSync(join(outside, path), `${GOOD}${SECRET},c,1,car,1\n`);
  writeFileSync(join(real, 'good.csv'), GOOD);
  writeFileSync(join(real, 'broken.parquet'), `PAR1${SECRET}PAR1`);
  symlinkSync(real, linked);
  for (const [from, to] of [
    ['to-good.csv', 'good.csv'],
    ['to-secret.csv', '../secret.csv'],
    ['to-environment.csv', '/proc/self/environ'],
    ['to-zero.csv', '/dev/zero'],
    ['ring.csv', 'ring.csv'],
  ] as const)
    symlinkSync(to, join(real, from));
  symlinkSync(outside, join(real, 'up'));
  execFileSync('mkfifo', [join(real, 'pipe.csv')]);
  ingest = await IngestProcess.create({ MILLRACE_INGEST_IMPORT_ROOTS: linked, SECRET_OF_TEST: SECRET });
  const sources = Object.entries(SOURCES).map(
    ([name, path]) => `    ${name}: { kind: ${path.endsWith('.parquet') ? 'parquet' : 'csv'}, path: '${path}' }`,
  );
  const text = PROJECT.replace(/ {4}history: .*\n.*numbered: .*\n/, `${sources.join('\n')}\n`);
  expect(await ingest.apply(text, ingest.home)).toMatchObject({ status: 200 });
}, 120_000);
afterAll(async () => {
  await ingest?.remove();
  rmSync(outside, { recursive: true, force: true });
});

async function imported(source: string): Promise<Answer['body']> {
  const started = await ingest.post('/v1/projects/loans/imports', { source });
  expect([started.status, started.body]).toEqual([202, { importId: expect.any(String) }]);
  return eventually(
    'the import ends',
    async () => {
      const { body } = await ingest.get(`/v1/projects/loans/imports/${started.body.importId}`);
      return body.state === 'running' ? null : body;
    },
    30_000,
  );
}

describe('a root that is a link', () => {
  it.each(['inside', 'throughroot', 'linkinside'])(
    'opens the files of the folder that it leads to (%s)',
    async (name) => {
      expect(await imported(name)).toMatchObject({ state: 'done', accepted: 1 });
    },
  );
});

describe('nothing else of the machine is read', () => {
  it.each([
    'outside',
    'dots',
    'linkout',
    'linkfolder',
    'prefix',
    'passwd',
    'environment',
    'linkproc',
    'openfile',
    'zero',
    'linkzero',
    'ring',
  ] as const)('%s', async (name) => {
    const { state, message, rowsRead } = await imported(name);
    expect([state, rowsRead]).toEqual(['failed', 0]);
    expect(message).toContain(name === 'ring' ? 'no file' : 'lies outside of the import roots');
  });

  it.each([
    ['pipe', 'is no file'],
    ['folder', 'is no file'],
    ['nowhere', 'there is no file'],
  ] as const)('%s', async (name, words) => {
    expect(await imported(name)).toMatchObject({ state: 'failed', message: expect.stringContaining(words) });
  });

  it('nor told: dead letters have nothing of it', async () => {
    const { body } = await ingest.get('/v1/deadletters?project=loans&limit=1000');
    expect(body).toMatchObject({ total: 0, deadLetters: [] });
    expect(ingest.log).not.toContain(SECRET);
  });
});

describe('a request that no file could follow', () => {
  it.each([
    [{ csv: { delimiter: '"' } }, 'delimiter'],
    [{ csv: { delimiter: '\n' } }, 'delimiter'],
    [{ csv: { delimiter: '||' } }, 'delimiter'],
    [{ seed: -1 }, 'seed'],
    [{ seed: 1e30 }, 'seed'],
    [{ rows: 0 }, 'rows'],
    [{ fromMs: 5, toMs: 1 }, 'from is not before to'],
    [{ fromMs: 5, toMs: 5 }, 'from is not before to'],
  ])('%j is refused before anything is read', async (options, named) => {
    const { status, body } = await ingest.post('/v1/projects/loans/imports', { source: 'inside', ...options });
    expect([status, JSON.stringify(body)]).toEqual([400, expect.stringContaining(named)]);
  });

  it('a broken Parquet file is called so, by its name', async () => {
    const { state, message } = await imported('broken');
    expect([state, message]).toEqual(['failed', expect.stringMatching(/^cannot read .*broken\.parquet: /)]);
    for (const inside of ['SELECT', 'read_parquet', ingest.home, SECRET]) expect(message).not.toContain(inside);
  });
});
