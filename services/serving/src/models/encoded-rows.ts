// Rows of a trained package: encoded by its fitted plan directly into the batch's one matrix, which the engine takes.
// The matrices are reused, one for each batch that can be in the engine.

import { PlatformError } from '@millrace/domain';
import { type FittedPlan, RowEncoder } from '@millrace/features';
import type { MatrixEngine } from '../runtime/runtime.js';
import type { RowModel, RowsOfJob } from './row-model.js';
import type { TaskHead } from './task-head.js';

export interface EncodedRowsLimits {
  batchRowsMax: number;
  /** Batches in the engine at the same time. */
  concurrency: number;
}

export class EncodedRows implements RowModel<Float32Array> {
  private readonly encoder: RowEncoder;
  private readonly spareInputs: Float32Array[] = [];

  constructor(
    readonly platform: string,
    plan: FittedPlan,
    private readonly engine: MatrixEngine,
    private readonly limits: EncodedRowsLimits,
  ) {
    this.encoder = new RowEncoder(plan);
  }

  encode(jobs: readonly RowsOfJob[], rows: number): Float32Array {
    const { width } = this.encoder;
    const input = this.inputFor(rows * width);
    let at = 0;
    for (let j = 0; j < jobs.length; j++) {
      const { raw } = jobs[j] as RowsOfJob;
      for (let r = 0; r < raw.length; r++, at += width) {
        this.encoder.encodeRow(raw[r] as RowsOfJob['raw'][0], input, at);
      }
    }
    return input;
  }

  infer(input: Float32Array, rows: number): Promise<Float32Array> {
    return this.engine.run(input, rows, this.encoder.width);
  }

  /** A rare larger one is made and let go. */
  private inputFor(length: number): Float32Array {
    const spare = this.spareInputs.pop();
    if (spare && spare.length >= length) return spare;
    return new Float32Array(Math.max(length, this.limits.batchRowsMax * this.encoder.width));
  }

  release(input: Float32Array): void {
    const usual = this.limits.batchRowsMax * this.encoder.width;
    if (input.length === usual && this.spareInputs.length < this.limits.concurrency) this.spareInputs.push(input);
  }

  /** On missing values, which every plan knows. */
  async warmUp(head: TaskHead): Promise<void> {
    const { width, plan } = this.encoder;
    const rows = this.limits.batchRowsMax;
    const input = new Float32Array(rows * width);
    const missing = new Array(plan.inputs.length).fill(null);
    for (let row = 0; row < rows; row++) this.encoder.encodeRow(missing, input, row * width);
    for (const size of [1, 1, 2, 8, rows]) {
      const numbers = await this.engine.run(input, size, width);
      const wrong = numbers.length !== size * head.width;
      const fault = wrong ? `${numbers.length} numbers` : head.task.outputsFault(head.outputs(numbers, 0));
      if (fault !== undefined)
        throw new PlatformError('corrupt', `warm-up: ${size} rows gave a wrong answer: ${fault}`);
    }
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
