// Every runtime against the library that made its models: scikit-learn, Keras and TensorFlow itself (test/models).

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { NO_PARAMETERS, Tensor } from '@millrace/inference';
import { cloneRoot } from '@millrace/testing';
import { openEngine } from '../src/engines/open-engine.process.js';
import { differences, goldenModels, goldenRuntime, goldenSource } from './golden-models.js';
import { buildOnce } from './serving-process.js';

const HOST = join(cloneRoot(), 'dist/services/serving/src/engines/engine-host.main.js');
const RUNNER = join(cloneRoot(), 'dist/services/serving/test/golden-runner.js');

beforeAll(() => buildOnce());

describe('the runtimes', () => {
  it('answer as the libraries that made the models, and leave no tensor behind', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [RUNNER], { maxBuffer: 1 << 24 });
    const report = JSON.parse(stdout.trim().split('\n').at(-1) as string);
    expect(report.differences).toEqual(Object.fromEntries(Object.keys(goldenModels()).map((name) => [name, []])));
    expect(report.cases).toBeGreaterThanOrEqual(20);
    expect(Object.values(report.left).every((left) => left === 0)).toBe(true);
  }, 60_000);

  it('answer from an engine process, where a bad request harms only itself', async () => {
    const name = 'tf_mixed';
    const [golden] = goldenModels()[name] as [ReturnType<typeof goldenModels>[string][number]];
    const spec = { instanceGroups: [], maxBatchSize: 8 };
    const runtime = goldenRuntime(name);
    expect(runtime.mayStayInside).toBe(false);
    const { engine, groups } = await openEngine(goldenSource(name, {}), runtime, spec, { hostScript: HOST });
    try {
      expect(groups).toEqual([{ kind: 'cpu', count: 1, gpus: [] }]);
      expect(engine.inputs).toEqual([
        { name: 'id', datatype: 'INT64', shape: [-1] },
        { name: 'image', datatype: 'FP32', shape: [-1, 8, 8, 1] },
        { name: 'name', datatype: 'BYTES', shape: [-1] },
      ]);
      expect(await differences(engine, golden)).toEqual([]);
      const call = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
      const bad = [
        Tensor.of('id', 'INT64', [1], [1n]),
        Tensor.of('name', 'BYTES', [1], ['']),
        Tensor.of('image', 'FP32', [1, 3, 3, 1], new Float32Array(9)),
      ];
      await expect(engine.run(bad, call)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(engine.run(bad.slice(0, 1), call)).rejects.toMatchObject({ code: 'invalid_argument' });
      expect(await differences(engine, golden)).toEqual([]);
    } finally {
      await engine.close();
    }
  });
});
