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
  };
}

describe('loadPackage', () => {
  it('gives plan and model of a package whose hashes are right', async () => {
    const loaded = await loadPackage(packageOf(), [RUNTIME], 'demo', 3);
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
});
