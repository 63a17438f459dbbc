// The store in a bucket does what every store must do, against two servers that have nothing in common.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { artifactStoreContract, startS3, type TestS3 } from '@millrace/testing';
import { s3Store } from './s3-store.js';

const suite = { afterEach, beforeEach, describe, expect, it };

describe.each(['moto', 'gofakes3'] as const)('%s', (name) => {
  let s3: TestS3;

  beforeAll(async () => {
    s3 = await startS3(name);
  }, 70_000);
  afterAll(() => s3.stop());

  it('opens with a secret of a file', async () => {
    const home = await mkdtemp(join(tmpdir(), 'millrace-s3-'));
    const { MILLRACE_ARTIFACTS_SECRET_KEY: secret = '' } = s3.environment('');
    const file = join(home, 'secret');
    await writeFile(file, `${secret}\n`);
    const store = s3Store(s3, 'secrets', home, {
      MILLRACE_ARTIFACTS_SECRET_KEY: '',
      MILLRACE_ARTIFACTS_SECRET_KEY_FILE: file,
    });
    await store.put('a/b', 'x');
    expect((await store.read('a/b')).toString()).toBe('x');
    await rm(home, { recursive: true, force: true });
  });

  artifactStoreContract(suite, name, (folder) => s3Store(s3, `contract/${basename(folder)}`, join(folder, 'home')));
});

describe('rights', () => {
  let moto: TestS3;

  beforeAll(async () => {
    moto = await startS3('moto');
  }, 70_000);
  afterAll(() => moto.stop());

  it.each([
    ['another secret', { MILLRACE_ARTIFACTS_SECRET_KEY: 'another' }, /the secret is another one/],
    ['an unknown key', { MILLRACE_ARTIFACTS_ACCESS_KEY: 'AKIANONE' }, /does not know the access key/],
  ])('%s is told', async (_name, more, text) => {
    const store = s3Store(moto, 'rights', join(tmpdir(), 'millrace-s3-rights'), more);
    const refused = { code: 'permission_denied', message: expect.stringMatching(text) };
    await expect(store.check()).rejects.toMatchObject(refused);
    await expect(store.put('a/b', 'x')).rejects.toMatchObject(refused);
    await expect(store.read('a/b')).rejects.toMatchObject(refused);
    await expect(store.list('a')).rejects.toMatchObject(refused);
  });
});
