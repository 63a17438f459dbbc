import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type InferRequest, Tensor } from '@millrace/inference';
import fc from 'fast-check';
import { contentHash, folderHash } from './content-hash.fs.js';
import { HitRate } from './hit-rate.js';
import { ModelCache } from './model-cache.js';
import { ResponseCache } from './response-cache.js';

const answer = (value: number, length = 1) => [Tensor.of('y', 'FP32', [length], new Array(length).fill(value))];

describe('ResponseCache', () => {
  it('holds the most recently used answers within its bytes, like a plain list would (any sequence of uses)', () => {
    const use = fc.record({
      key: fc.constantFrom(...'abcdefgh'),
      put: fc.boolean(),
      length: fc.integer({ min: 1, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 200 }), (uses) => {
        const cache = new ResponseCache(5000, 2000);
        let model: { key: string; length: number; bytes: number }[] = [];
        uses.forEach(({ key, put, length }) => {
          const found = model.find((entry) => entry.key === key);
          if (!put) {
            expect(cache.get(key)?.[0]?.count).toBe(found?.length);
            if (found) model = [...model.filter((entry) => entry !== found), found];
            return;
          }
          const before = cache.bytes;
          if (!cache.put(key, answer(1, length))) {
            expect(before).toBe(cache.bytes);
            expect(length).toBeGreaterThan(250);
            return;
          }
          model = model.filter((entry) => entry !== found);
          const bytes = 512 + 2 + 256 + length * 4;
          while (model.reduce((sum, entry) => sum + entry.bytes, 0) + bytes > 5000) model.shift();
          model.push({ key, length, bytes });
          expect(cache.bytes).toBe(model.reduce((sum, entry) => sum + entry.bytes, 0));
          expect(cache.bytes).toBeLessThanOrEqual(5000);
          expect(cache.size).toBe(model.length);
        });
      }),
    );
  });

  it('keeps copies, so that a batch’s output can go', () => {
    const cache = new ResponseCache(10_000);
    const batch = new Float32Array([1, 2, 3]);
    cache.put('k', [Tensor.raw('y', 'FP32', [1], new Uint8Array(batch.buffer), 4, 8)]);
    batch.fill(0);
    const [kept] = cache.get('k') as [Tensor];
    expect(kept.toValues()).toEqual([2]);
    expect(kept.rawBytes().buffer.byteLength).toBe(4);
    cache.clear();
    expect([cache.size, cache.bytes, cache.get('k')]).toEqual([0, 0, undefined]);
  });
});

describe('HitRate', () => {
  it('passes a cache without hits by, longer each time, and comes back when hits return', () => {
    const rate = new HitRate();
    let lookups = 0;
    const ask = (count: number, hits: boolean) => {
      for (let i = 0; i < count; i++) {
        if (!rate.worthwhile()) continue;
        lookups++;
        rate.counted(hits);
      }
    };
    ask(1_000_000, false);
    expect(lookups / 1_000_000).toBeLessThan(0.025);
    ask(100_000, true);
    lookups = 0;
    ask(100_000, true);
    expect(lookups).toBe(100_000);
  });
});

describe('ModelCache', () => {
  const requestOf = (part: Partial<InferRequest> = {}): InferRequest => ({
    modelName: 'm',
    modelVersion: '',
    id: '',
    parameters: {},
    inputs: [Tensor.of('x', 'FP32', [2], [1, 2])],
    outputs: [],
    ...part,
  });
  const ports = () => ({ responses: new ResponseCache(100_000), digest: contentHash, identity: '' });

  it('gives equal keys for what the answer depends on, and for nothing else', () => {
    const cache = new ModelCache('m', 1, ports());
    const key = (part: Partial<InferRequest> = {}) => {
      const request = requestOf(part);
      return cache.keyOf(request, request.inputs);
    };
    const same = [{}, { id: 'other' }, { parameters: { priority: 1n, timeout: 5n } }, { modelVersion: '1' }];
    expect(new Set(same.map(key)).size).toBe(1);
    const different: Partial<InferRequest>[] = [
      {},
      { inputs: [Tensor.of('x', 'FP32', [2], [1, 3])] },
      { inputs: [Tensor.of('x', 'FP32', [2, 1], [1, 2])] },
      { inputs: [Tensor.of('z', 'FP32', [2], [1, 2])] },
      { outputs: [{ name: 'y', parameters: {} }] },
      { outputs: [{ name: 'y', parameters: { classification: 2n } }] },
      { parameters: { temperature: 1 } },
      { parameters: { temperature: '1' } },
      // A model without batching is handed all parameters.
      { parameters: { entity: 'a' } },
      { parameters: { entity: 'b' } },
      { parameters: { event_time_ms: 1n } },
    ];
    expect(new Set(different.map(key)).size).toBe(different.length);
    const reloaded = new ModelCache('m', 1, ports());
    expect(reloaded.keyOf(requestOf(), requestOf().inputs)).not.toBe(key());
    const large = [Tensor.of('x', 'UINT8', [2_000_000], new Uint8Array(2_000_000))];
    expect(key({ inputs: large })).toBe('');
  });

  it('shares answers by content through a store behind it, and passes over what it cannot read', async () => {
    const store = new Map<string, Uint8Array>();
    const shared = {
      get: async (key: string) => store.get(key),
      put: (key: string, bytes: Uint8Array) => void store.set(key, bytes),
    };
    const one = new ModelCache('m', 1, { ...ports(), identity: 'sha', shared });
    const other = new ModelCache('m', 1, { ...ports(), identity: 'sha', shared });
    const key = one.keyOf(requestOf(), requestOf().inputs);
    one.keep(key, answer(7));
    const sameKey = other.keyOf(requestOf(), requestOf().inputs);
    expect(other.get(sameKey)).toBeUndefined();
    expect((await other.getShared(sameKey))?.[0]?.toValues()).toEqual([7]);
    expect(other.get(sameKey)?.[0]?.toValues()).toEqual([7]);
    store.set('broken', new Uint8Array([255, 255, 255]));
    expect(await other.getShared('broken')).toBeUndefined();
    expect(new ModelCache('m', 1, { ...ports(), shared }).shared).toBeUndefined();
  });
});

describe('folderHash', () => {
  it('changes with content, names and configuration, and not with the order of writing', async () => {
    const root = mkdtempSync(join(tmpdir(), 'millrace-hash-'));
    try {
      const write = (folder: string, files: readonly [string, string][]) => {
        for (const [path, text] of files) {
          mkdirSync(join(root, folder, path, '..'), { recursive: true });
          writeFileSync(join(root, folder, path), text);
        }
        return folderHash('config', join(root, folder));
      };
      const first = await write('a', [
        ['model.onnx', 'x'],
        ['data/0', 'y'],
      ]);
      const same = await write('b', [
        ['data/0', 'y'],
        ['model.onnx', 'x'],
      ]);
      expect(same).toBe(first);
      const others = [
        await write('c', [['model.onnx', 'xy']]),
        await write('d', [
          ['model.onnx', 'x'],
          ['data/1', 'y'],
        ]),
        await folderHash('other config', join(root, 'a')),
      ];
      expect(new Set([first, ...others]).size).toBe(4);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});
