// Runs every golden model in this one process, so that TensorFlow is loaded once, and prints what differed as JSON.
// Started by golden.int-spec.ts. Then runs TensorFlow's models many times over and says how many of its tensors are
// left.

import { PlatformError } from '@millrace/domain';
import * as tf from '@tensorflow/tfjs-node-gpu';
import { tensorflow } from '../src/runtime/tensorflow-tensors.tf.js';
import { differences, goldenModels, goldenRuntime, goldenSource } from './golden-models.js';

const REPEATS = 300;

const report: { differences: Record<string, string[]>; cases: number; left: Record<string, number> } = {
  differences: {},
  cases: 0,
  left: {},
};
for (const [name, cases] of Object.entries(goldenModels())) {
  const found: string[] = [];
  for (const golden of cases) {
    report.cases++;
    try {
      const engine = await goldenRuntime(name).load(goldenSource(name, golden.parameters));
      found.push(...(await differences(engine, golden)));
      if (name !== 'tf_types' && !name.startsWith('iris')) {
        const before = tensorflow().binding.getNumOfTensors();
        const beforeJs = tf.memory().numTensors;
        for (let i = 0; i < REPEATS; i++) await differences(engine, golden);
        report.left[name] = tensorflow().binding.getNumOfTensors() - before + tf.memory().numTensors - beforeJs;
      }
      await engine.close();
    } catch (thrown) {
      found.push(PlatformError.from(thrown).message);
    }
  }
  report.differences[name] = found;
}
process.stdout.write(`${JSON.stringify(report)}\n`);
