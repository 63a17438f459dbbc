import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServedModel } from '../models/served-model.js';
import { draftFromJson, draftFromText } from './model-draft.codec.js';
import { PlannedRepository } from './plan-model.js';
import { RepositoryFolder } from './repository-folder.fs.js';

const CONFIG = `
backend: "onnxruntime"
input: [ { name: "x" data_type: TYPE_FP32 dims: [ 1 ] } ]
output: [ { name: "y" data_type: TYPE_FP32 dims: [ 2 ] label_filename: "labels.txt" } ]
`;

describe('the fingerprint of a model', () => {
  let root = '';
  const unloaded = (): Promise<ServedModel> => Promise.reject(new Error('nothing is loaded here'));
  const repository = () =>
    new PlannedRepository({
      files: new RepositoryFolder(root, join(root, '.staging'), 1_000_000),
      draftFromText,
      draftFromJson,
      open: unloaded,
      ensemble: unloaded,
      log: () => {},
    });
  const file = async (name: string, text: string, seconds = 1) => {
    await writeFile(join(root, 'm', name), text);
    await utimes(join(root, 'm', name), seconds, seconds);
  };

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'millrace-plan-'));
    await mkdir(join(root, 'm', '1'), { recursive: true });
    await file('config.pbtxt', CONFIG);
    await file('1/model.onnx', 'onnx');
    await file('labels.txt', 'cat\ndog\n');
  });

  afterEach(() => rm(root, { recursive: true, force: true }));

  it('changes with the size and the time of a label file, and when it comes or goes', async () => {
    const looks: (string | undefined)[] = [];
    const look = async () => void looks.push(await repository().fingerprint('m'));
    await look();
    await file('labels.txt', 'cat\nfox!\n');
    await look();
    await file('labels.txt', 'cat\nfox?\n', 2);
    await look();
    await rm(join(root, 'm', 'labels.txt'));
    await look();
    expect(new Set(looks).size).toBe(4);
    expect(looks).not.toContain(undefined);
  });

  it('stays when nothing changed, is that of the plan, and needs no configuration without faults', async () => {
    const none = { config: undefined, files: new Map<string, Uint8Array>() };
    const first = await repository().fingerprint('m');
    expect(await repository().fingerprint('m')).toBe(first);
    expect((await repository().plan('m', none)).fingerprint).toBe(first);
    await file('config.pbtxt', `${CONFIG} nonsense [`);
    expect(await repository().fingerprint('m')).toBeDefined();
    expect(await repository().fingerprint('nobody')).toBeUndefined();
  });
});
