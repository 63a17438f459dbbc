// Scores encoded rows with ONNX Runtime, exactly as serving does. Used for evaluation, so that what is judged is what
// will answer, and as one side of the parity check.

import { PlatformError } from '@millrace/domain';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Rows per run: bounds memory, and the event loop turns in between (run() blocks). */
const ROWS_AT_ONCE = 2_048;

export async function scoreOnnx(model: Uint8Array, encoded: Float32Array, width: number): Promise<Float32Array> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  try {
    const rows = encoded.length / width;
    const scores = new Float32Array(rows);
    for (let start = 0; start < rows; start += ROWS_AT_ONCE) {
      const end = Math.min(start + ROWS_AT_ONCE, rows);
      const x = new Tensor('float32', encoded.slice(start * width, end * width), [end - start, width]);
      const output = await session.run({ x });
      const probability = output.probability;
      if (probability === undefined) throw new PlatformError('corrupt', 'the model has no output "probability"');
      scores.set(probability.data as Float32Array, start);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return scores;
  } finally {
    await session.release();
  }
}
