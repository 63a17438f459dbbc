import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import type { Runtime } from '../runtime/runtime.js';
import { packageHashText } from './manifest.js';
import { loadPackage, type PackageFiles } from './package-loader.js';

const PLAN = JSON.stringify({ format: 2, inputs: [{ name: 'x', type: 'number' }], steps: [], width: 0, rows: 1 });

/** Not SHA-256, but as long, and different for different bytes: enough for the logic. */
function hashOf(bytes: Uint8Array): string {
  let hash = 7n;
  for (const byte of bytes) hash = (hash * 31n + BigInt(byte) + 1n) % 2n ** 255n;
  return hash.toString(16).padStart(64, '0');
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

const listing = (files: Record<string, string>) => ({ files, packageSha256: hashOf(bytesOf(packageHashText(files))) });

const RUNTIME: Runtime = {
  platform: 'test',
  needs: ['model.onnx'],
  load: async () => {
    throw new Error('not loaded here');
  },
};

function packageOf(change: { files?: Record<string, string>; manifest?: Record<string, unknown> } = {}): PackageFiles {
  const content: Record<string, string> = { 'features.json': PLAN, 'model.onnx': 'weights' };
  const files = Object.fromEntries(Object.entries(content).map(([path, text]) => [path, hashOf(bytesOf(text))]));
  const manifest = {
    project: 'demo',
    version: 3,
    task: 'binary',
    modelSha256: hashOf(bytesOf('model')),
    packageSha256: hashOf(bytesOf(packageHashText(files))),
    files,
    ...change.manifest,
  };
  const stored: Record<string, string> = { ...content, 'manifest.json': JSON.stringify(manifest), ...change.files };
  return {
    read: async (path) => {
      const text = stored[path.replace('models/demo/3/', '')];
      if (text === undefined || text === 'absent') throw new PlatformError('not_found', `${path} is not there`);
      return bytesOf(text);
    },
    sha256: hashOf,
    sha256Of: async (path) => hashOf(bytesOf(stored[path.replace('models/demo/3/', '')] ?? '')),
    folderOf: async (path) => `/store/${path.slice(0, path.lastIndexOf('/'))}`,
  };
}

describe('loadPackage', () => {
  it('gives plan and model of a package whose hashes are right', async () => {
    const loaded = await loadPackage(packageOf(), [RUNTIME], 'demo', 3);
    if (loaded.kind !== 'trained') throw new Error(`read as ${loaded.kind}`);
    expect(new TextDecoder().decode(loaded.model.get('model.onnx'))).toBe('weights');
    expect(loaded.plan.inputs[0]?.name).toBe('x');
  });

  it.each([
    ['a changed model', { files: { 'model.onnx': 'Weights' } }, /model\.onnx of demo\/3 has SHA-256/],
    ['a changed plan', { files: { 'features.json': `${PLAN} ` } }, /features\.json of demo\/3 has SHA-256/],
    ['a missing file', { files: { 'model.onnx': 'absent' } }, /model\.onnx is not there/],
    ['a manifest that is not JSON', { files: { 'manifest.json': '{' } }, /not JSON/],
    ['a manifest of another version', { manifest: { version: 4 } }, /of demo\/4, expected demo\/3/],
    ['no task', { manifest: { task: null } }, /names no task/],
    ['no model hash', { manifest: { modelSha256: 'x' } }, /no modelSha256/],
    ['no files', { manifest: { files: [] } }, /lists no files/],
    [
      'no model',
      { manifest: listing({ 'features.json': hashOf(bytesOf(PLAN)) }) },
      /no runtime for it, it needs model\.onnx/,
    ],
    ['no plan', { manifest: listing({ 'model.onnx': hashOf(bytesOf('weights')) }) }, /lists no features\.json/],
    ['another list of files than published', { manifest: { packageSha256: '0'.repeat(64) } }, /have package hash/],
  ])('refuses %s', async (_what, change, message) => {
    await expect(loadPackage(packageOf(change), [RUNTIME], 'demo', 3)).rejects.toThrow(message);
  });

  const BINDING = {
    inputs: [{ tensor: 'x', datatype: 'FP32', shape: [1], columns: ['x'] }],
    outputs: [{ output: 'probability', tensor: 'p', datatype: 'FP32', shape: [1], index: 0, of: 'value' }],
  };

  function ownPackage(own: Record<string, string>, binding: object = BINDING): PackageFiles {
    const content: Record<string, string> = { 'features.json': PLAN, 'binding.json': JSON.stringify(binding), ...own };
    const hashes = Object.fromEntries(Object.entries(content).map(([path, text]) => [path, hashOf(bytesOf(text))]));
    return packageOf({ files: content, manifest: listing(hashes) });
  }

  it.each([
    ['own/model.onnx', '/store/models/demo/3/own'],
    ['own/saved_model/saved_model.pb', '/store/models/demo/3/own/saved_model'],
  ])('gives binding and folder of a package with somebody’s own %s', async (path, folder) => {
    const loaded = await loadPackage(ownPackage({ [path]: 'graph' }), [RUNTIME], 'demo', 3);
    expect(loaded).toMatchObject({ kind: 'own', folder, binding: BINDING, inputs: [{ name: 'x', type: 'number' }] });
  });

  it('refuses an own model whose bytes are others than registered', async () => {
    const files = ownPackage({ 'own/model.onnx': 'graph' });
    const changed = { ...files, sha256Of: async () => '0'.repeat(64) };
    await expect(loadPackage(changed, [RUNTIME], 'demo', 3)).rejects.toThrow(/own\/model\.onnx of demo\/3 has SHA-256/);
  });

  it('refuses a binding without a model, and says who answers where that is an upstream', async () => {
    await expect(loadPackage(ownPackage({}), [RUNTIME], 'demo', 3)).rejects.toThrow(/binding\.json without one of own/);
    const upstream = { address: 'triton:8001', model: 'm', version: '' };
    const elsewhere = ownPackage({}, { ...BINDING, upstream });
    await expect(loadPackage(elsewhere, [RUNTIME], 'demo', 3)).rejects.toThrow(/is answered by triton:8001, not here/);
  });
});
