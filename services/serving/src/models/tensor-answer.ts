// From what an engine answers to each caller's response: its own rows, the outputs it asked for in its order (else all
// in the order of the configuration), classes instead of values where it asked for them.

import { PlatformError } from '@millrace/domain';
import { classify, type InferResponse, NO_PARAMETERS, type Tensor } from '@millrace/inference';
import { cropRows, splitRows } from '../batching/rows.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { TensorJob } from './tensor-job.js';
import { fullShape } from './tensor-request.js';

const NO_OUTPUTS: readonly string[] = [];

export class AnswerBuilder {
  private readonly version: string;
  private readonly declared: readonly string[];
  private readonly shapes: ReadonlyMap<string, readonly number[]>;
  private readonly labels: ReadonlyMap<string, readonly string[]>;

  constructor(
    private readonly spec: ModelSpec,
    version: number,
  ) {
    this.version = String(version);
    this.declared = spec.outputs.map(({ name }) => name);
    this.shapes = new Map(spec.outputs.map(({ name, shape }) => [name, fullShape(spec, shape)]));
    this.labels = new Map(spec.outputs.map(({ name, labels }) => [name, labels]));
  }

  /** Empty = all. */
  neededBy(jobs: readonly TensorJob[]): readonly string[] {
    if (jobs.some(({ wanted }) => wanted.length === 0)) return NO_OUTPUTS;
    return [...new Set(jobs.flatMap(({ wanted }) => wanted.map(({ name }) => name)))];
  }

  /** One response a job, in the order of `jobs`. Throws internal where a needed tensor does not have all rows. */
  split(outputs: readonly Tensor[], jobs: readonly TensorJob[]): InferResponse[] {
    const counts = jobs.map(({ rows }) => rows);
    const parts = new Map<string, readonly Tensor[]>();
    for (const output of outputs) if (this.shapes.has(output.name)) parts.set(output.name, splitRows(output, counts));
    return jobs.map((job, i) => this.response(job, (name) => parts.get(name)?.[i]));
  }

  one(outputs: readonly Tensor[], job: TensorJob): InferResponse {
    const counts = this.spec.maxBatchSize > 0 && !this.spec.decoupled ? [job.rows] : undefined;
    return this.response(job, (name) => {
      const output = outputs.find((one) => one.name === name);
      return output && counts ? splitRows(output, counts)[0] : output;
    });
  }

  /** As they were kept: the key holds which outputs were asked for, and how. */
  cached(outputs: readonly Tensor[], job: TensorJob): InferResponse {
    return { ...this.empty(job), outputs };
  }

  empty(job: TensorJob): InferResponse {
    return {
      modelName: this.spec.name,
      modelVersion: this.version,
      id: job.id,
      parameters: NO_PARAMETERS,
      outputs: [],
    };
  }

  private response(job: TensorJob, find: (name: string) => Tensor | undefined): InferResponse {
    const tensors: Tensor[] = [];
    const outputOf = (name: string): Tensor => {
      const tensor = find(name);
      if (!tensor) throw new PlatformError('internal', `the model gave no output '${name}'`);
      return job.paddings.length === 0 ? tensor : cropRows(tensor, this.shapes.get(name) ?? [], job.paddings);
    };
    if (job.wanted.length === 0) for (const name of this.declared) tensors.push(outputOf(name));
    for (const { name, classes } of job.wanted) {
      const tensor = outputOf(name);
      tensors.push(classes > 0 ? classify(tensor, classes, this.spec.maxBatchSize > 0, this.labels.get(name)) : tensor);
    }
    return { ...this.empty(job), outputs: tensors };
  }
}
