// Set-up and doctor as a person on another machine meets them: the scripts are run as processes, with a PATH and a
// cache of their own. Nothing is downloaded here; that the downloads work is shown by every fresh clone.

import { execFile, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { eventually } from '@millrace/testing';

const root = resolve('.');
const doctor = [join(root, 'tools/setup/doctor.mjs')];
const setUp = [join(root, 'tools/setup/setup.mjs')];
const installed = JSON.parse(readFileSync('node_modules/.millrace/setup.json', 'utf8')) as {
  cache: string;
  kafka: { libFolder: string };
};

interface Outcome {
  code: number;
  out: string;
  err: string;
}

function node(args: string[], env: Record<string, string>): Promise<Outcome> {
  return new Promise((done) => {
    const options = { env: { HOME: tmpdir(), PATH: environment().PATH, ...env }, maxBuffer: 1 << 24 };
    execFile(process.execPath, args, options, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}

interface Report {
  ok: boolean;
  checks: { name: string; kind: string; ok: boolean; found: string; bytes?: number; packages?: string }[];
}

describe('set-up', () => {
  let folder: string;
  let bare: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-setup-'));
    // A machine that has Node and a shell and nothing else.
    bare = join(folder, 'bin');
    mkdirSync(bare);
    symlinkSync(process.execPath, join(bare, 'node'));
    symlinkSync('/bin/sh', join(bare, 'sh'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('doctor finds everything here, with the size of each download', async () => {
    const { code, out } = await node([...doctor, '--json'], { MILLRACE_CACHE: installed.cache });
    const report = JSON.parse(out) as Report;
    expect(report.checks.filter((check) => !check.ok && check.kind !== 'optional' && check.kind !== 'note')).toEqual(
      [],
    );
    expect(code).toBe(0);
    for (const name of ['npm packages', 'Kafka', 'TensorFlow library (cpu)'])
      expect(report.checks.find((check) => check.name === name)?.bytes).toBeGreaterThan(10_000_000);
  });

  it('doctor says what a bare machine lacks and the one command that mends it', async () => {
    const { code, out } = await node(doctor, { PATH: bare, MILLRACE_CACHE: join(folder, 'cache') });
    expect(code).toBe(1);
    for (const name of ['Python', 'pip', 'Java', 'Maven', 'g\\+\\+']) expect(out).toMatch(new RegExp(`✗ ${name}`));
    expect(out).toMatch(/apt-get install -y npm python3 python3-pip openjdk-17-jre-headless maven g\+\+\n/);
  });

  it('fails clearly on such a machine before any work is done', async () => {
    const cache = join(folder, 'cache');
    const { code, err } = await node(setUp, { PATH: bare, MILLRACE_CACHE: cache });
    expect(code).toBe(1);
    expect(err).toMatch(/this machine lacks[\s\S]*Java[\s\S]*apt-get install -y/);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('refuses a GPU that is not there, and a device that does not exist', async () => {
    const { out } = await node([...doctor, '--json'], { MILLRACE_CACHE: installed.cache });
    const gpu = (JSON.parse(out) as Report).checks.find((check) => check.name === 'GPU and driver');
    if (!gpu?.ok) {
      const { code, err } = await node(setUp, { MILLRACE_DEVICE: 'gpu', MILLRACE_CACHE: installed.cache });
      expect(code).toBe(1);
      expect(err).toContain('no usable GPU');
      expect(err).toMatch(/driver|device/);
    }
    const wrong = await node(setUp, { MILLRACE_DEVICE: 'tpu', MILLRACE_CACHE: installed.cache });
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain('MILLRACE_DEVICE must be cpu or gpu, not "tpu"');
  });

  it('takes over the lock of an interrupted set-up and clears what it left half done', async () => {
    const cache = join(folder, 'cache');
    mkdirSync(join(cache, 'tmp-half'), { recursive: true });
    writeFileSync(join(cache, 'lock'), '999999999');
    const script = `import { withCacheLock } from '${root}/tools/setup/lock.mjs'; await withCacheLock(async () => console.log('in'));`;
    const { out } = await node(['--input-type=module', '-e', script], { MILLRACE_CACHE: cache });
    expect(out).toBe('in\n');
    expect(readdirSync(cache)).toEqual([]);
  });

  it('lets one set-up at a time write', async () => {
    const cache = join(folder, 'cache');
    const journal = join(folder, 'journal');
    const script = `
      import { appendFileSync } from 'node:fs';
      import { withCacheLock } from '${root}/tools/setup/lock.mjs';
      await withCacheLock(async () => {
        appendFileSync('${journal}', 'in ');
        await new Promise((wake) => setTimeout(wake, 300));
        appendFileSync('${journal}', 'out ');
      });`;
    const run = () => node(['--input-type=module', '-e', script], { MILLRACE_CACHE: cache });
    await Promise.all([run(), run(), run()]);
    expect(readFileSync(journal, 'utf8')).toBe('in out in out in out ');
  });

  it('leaves no half-made folder under its final name', async () => {
    const cache = join(folder, 'cache');
    mkdirSync(cache);
    const target = join(cache, 'part');
    const script = `
      import { writeFileSync } from 'node:fs';
      import { makeFolder } from '${root}/tools/setup/cache.mjs';
      await makeFolder('${target}', async (work) => { writeFileSync(work + '/first', ''); throw new Error('interrupted'); }).catch(() => undefined);`;
    expect((await node(['--input-type=module', '-e', script], { MILLRACE_CACHE: cache })).code).toBe(0);
    expect(existsSync(target)).toBe(false);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('refuses a jar with another content than the pinned one', async () => {
    const jars = join(folder, 'lib');
    mkdirSync(jars);
    for (const name of readdirSync(installed.kafka.libFolder))
      copyFileSync(join(installed.kafka.libFolder, name), join(jars, name));
    const script = `import { checkPins } from '${root}/tools/setup/brokers.mjs'; checkPins('${jars}');`;
    expect((await node(['--input-type=module', '-e', script], {})).code).toBe(0);
    const victim = join(jars, 'kafka-clients-4.4.0.jar');
    writeFileSync(victim, 'not a jar');
    const { code, err } = await node(['--input-type=module', '-e', script], {});
    expect(code).toBe(1);
    expect(err).toMatch(/kafka-clients-4\.4\.0\.jar has SHA-256 [0-9a-f]{64}, pinned is [0-9a-f]{64}/);
  });

  it('refuses a packaged Chromium with another content than the pinned one, and a named one that is not there', async () => {
    const archive = join(folder, 'chromium.tgz');
    writeFileSync(archive, 'not a browser');
    const pin = readFileSync(join(root, 'tools/setup/pins/chromium.txt'), 'utf8').trim().split(' ')[1];
    const check = `import { checkIntegrity } from '${root}/tools/setup/chromium.mjs'; checkIntegrity('${archive}', '${pin}');`;
    const wrong = await node(['--input-type=module', '-e', check], {});
    expect(wrong.code).toBe(1);
    expect(wrong.err).toContain(`chromium.tgz has sha512-`);
    expect(wrong.err).toContain(`pinned is ${pin}`);
    const find = `import { findChromium } from '${root}/tools/setup/chromium.mjs'; findChromium();`;
    const named = await node(['--input-type=module', '-e', find], { MILLRACE_TEST_CHROMIUM: join(folder, 'nowhere') });
    expect(named.code).toBe(1);
    expect(named.err).toMatch(/MILLRACE_TEST_CHROMIUM names .*nowhere, which cannot be run/);
  });

  it('stops on Ctrl-C with its children, says so, and leaves nothing half done', async () => {
    const cache = join(folder, 'cache');
    const child = join(folder, 'mvn.pid');
    // Everything is here but the brokers, and Maven takes its time.
    const mvn = join(bare, 'mvn');
    const version = 'case "$*" in *-version*) echo "Apache Maven 3.8.7"; exit 0;; esac';
    writeFileSync(mvn, `#!/bin/sh\n${version}\necho $$ > ${child}\nexec sleep 600\n`, { mode: 0o755 });
    const terminal = [join(root, 'test/e2e/support/terminal.py'), process.execPath, ...setUp];
    const env = { HOME: tmpdir(), PATH: `${bare}:${environment().PATH}`, MILLRACE_CACHE: cache };
    const run = spawn('python3', terminal, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    let shown = '';
    run.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    const code = new Promise<number | null>((done) => run.once('close', done));
    await eventually('Maven runs', () => existsSync(child) && readFileSync(child, 'utf8').endsWith('\n'));
    run.stdin.write('\x03');
    expect(await code).toBe(130);
    expect(shown).toContain('Stopped; the next run goes on from here.');
    const pid = Number(readFileSync(child, 'utf8'));
    await eventually('Maven is gone', () => !existsSync(`/proc/${pid}`));
    expect(readdirSync(cache).filter((name) => !name.startsWith('tmp-'))).toEqual([]);
  }, 60_000);
});
