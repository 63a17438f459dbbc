// What a folder must hold before a model is loaded from it: sums of its model, files of its warm-up samples.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Datatype } from '@millrace/inference';
import { RepositoryFolder } from './repository-folder.fs.js';

const root = mkdtempSync(join(tmpdir(), 'millrace-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const repository = new RepositoryFolder(root, join(root, '.staging'), 1_000_000);

function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
  return createHash('sha256').update(content).digest('hex');
}

describe('SHA256SUMS', () => {
  const check = (model: string, file = '') =>
    repository.check(model, { version: 1, folder: join(root, model, '1'), file: undefined }, file);

  it('must list the model', async () => {
    const other = write('m/1/notes.txt', 'hello');
    const model = write('m/1/model.onnx', 'model');
    write('m/1/SHA256SUMS', `${other}  notes.txt\n`);
    await expect(check('m')).rejects.toThrow('SHA256SUMS does not list model.onnx, which is the model');
    write('m/1/SHA256SUMS', `${model} *./model.onnx\n`);
    await check('m');
  });

  it('must list the file or folder that the configuration names, and all files of a folder', async () => {
    const graph = write('s/1/net/saved_model.pb', 'graph');
    const weights = write('s/1/net/variables/a', 'weights');
    write('s/1/SHA256SUMS', `${graph}  net/saved_model.pb\n`);
    await check('s');
    await expect(check('s', 'net')).rejects.toThrow('does not list net/variables/a');
    write('s/1/SHA256SUMS', `${graph}  net/saved_model.pb\n${weights}  net/variables/a\n`);
    await check('s', 'net');
  });
});

describe('files of warm-up samples', () => {
  const read = async (file: string, datatype: Datatype = 'FP32', dims: readonly number[] = [2]) => {
    const inputs = [{ name: 'x', datatype, dims, data: 'file' as const, file }];
    const folder = { name: 'w', folder: join(root, 'w'), config: undefined, versions: [] };
    const [sample] = await repository.warmUp(folder, [{ name: 'first', batchSize: 4, count: 1, inputs }]);
    return sample?.inputs[0]?.bytes;
  };
  const bytes = Uint8Array.of(0, 0, 192, 63, 0, 0, 0, 64);
  write('w/warmup/x.bin', bytes);
  write('w/warmup/text', Uint8Array.of(1, 0, 0, 0, 97));
  write('w/secret', bytes);

  it('are read, one row of the input', async () => {
    expect(await read('x.bin')).toEqual(bytes);
    expect(await read('text', 'BYTES', [1])).toEqual(Uint8Array.of(1, 0, 0, 0, 97));
  });

  it('must be there, of the size of their input and inside of the folder warmup', async () => {
    await expect(read('x.bin', 'FP32', [3])).rejects.toThrow(
      "warmup/x.bin of the warm-up 'first', input 'x', has 8 bytes",
    );
    await expect(read('y.bin')).rejects.toThrow('is no file that is there');
    for (const path of ['../secret', '../warmup', '', join(root, 'w/secret')]) {
      await expect(read(path)).rejects.toThrow('is outside');
    }
  });
});
