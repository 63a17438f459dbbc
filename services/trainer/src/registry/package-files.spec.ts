import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { PackageFiles } from './package-files.js';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const bytesOf = (text: string) => new TextEncoder().encode(text);

const MODEL = bytesOf('{"weights":[]}');
const CONTENT = new Map([
  [
    'models/demo/1/manifest.json',
    bytesOf(
      JSON.stringify({
        packageSha256: 'p',
        files: { 'tfjs/model.json': sha256(MODEL), 'tfjs/broken.bin': sha256(bytesOf('other')) },
      }),
    ),
  ],
  ['models/demo/1/tfjs/model.json', MODEL],
  ['models/demo/1/tfjs/broken.bin', bytesOf('damaged')],
  ['models/demo/1/secret.txt', bytesOf('not listed')],
]);
const files = new PackageFiles(
  {
    read: async (path) => {
      const bytes = CONTENT.get(path);
      if (bytes === undefined) throw new PlatformError('not_found', path);
      return bytes;
    },
  },
  sha256,
);

describe('PackageFiles', () => {
  it('gives what the manifest names, with its hash', async () => {
    expect(await files.list('models/demo/1')).toEqual(['manifest.json', 'tfjs/broken.bin', 'tfjs/model.json']);
    expect(await files.read('models/demo/1', 'tfjs/model.json')).toEqual({
      path: 'tfjs/model.json',
      bytes: MODEL,
      sha256: sha256(MODEL),
      packageSha256: 'p',
    });
    expect((await files.read('models/demo/1', 'manifest.json')).packageSha256).toBe('p');
  });

  it.each(['secret.txt', '../2/manifest.json', 'constructor', ''])('gives nothing else: %s', async (name) => {
    await expect(files.read('models/demo/1', name)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('refuses damaged bytes', async () => {
    await expect(files.read('models/demo/1', 'tfjs/broken.bin')).rejects.toMatchObject({ code: 'corrupt' });
  });
});
