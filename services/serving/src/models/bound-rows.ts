// Rows of a model that was made elsewhere: its binding says which columns are which tensors and where the answer holds
// the task's number. The engine is that of repository models. What the model answers is checked row by row, because
// nobody here made it: a "probability" of 3.2 is an error of the request and no prediction.

import { PlatformError, type Scalar, type Task } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import {
  type Binding,
  NO_PARAMETERS,
  scoresOfAnswer,
  type Tensor,
  type TensorSpec,
  tensorsOfRows,
} from '@millrace/inference';
import { proofInputs } from '../engines/placement.js';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';
import type { RowModel, RowsOfJob } from './row-model.js';

/** The tensors that the engine will be given, rows in front: the binding knows sizes that the model leaves open. */
function boundInputs({ inputs }: Pick<Binding, 'inputs'>): TensorSpec[] {
  return inputs.map(({ tensor, datatype, shape }) => ({ name: tensor, datatype, shape: [-1, ...shape] }));
}

export class BoundRows implements RowModel<readonly Tensor[]> {
  private readonly call: EngineCall;

  constructor(
    readonly platform: string,
    private readonly inputs: readonly SignatureInput[],
    private readonly binding: Binding,
    private readonly task: Task,
    private readonly engine: TensorEngine,
  ) {
    const outputs = [...new Set(binding.outputs.map(({ tensor }) => tensor))];
    this.call = { outputs, parameters: NO_PARAMETERS, sequence: undefined };
  }

  get failure(): string {
    return this.engine.failure ?? '';
  }

  encode(jobs: readonly RowsOfJob[], rows: number): readonly Tensor[] {
    const columns = this.inputs.map(({ name }, i) => {
      const values = new Array<Scalar>(rows);
      let at = 0;
      for (const { raw } of jobs) for (const row of raw) values[at++] = row[i] as Scalar;
      return [name, values] as const;
    });
    return tensorsOfRows(this.binding, Object.fromEntries(columns), rows);
  }

  async infer(input: readonly Tensor[], rows: number): Promise<Float32Array> {
    const answer = await this.engine.run(input, this.call);
    try {
      return Float32Array.from(scoresOfAnswer(this.binding, this.task, answer, rows));
    } catch (thrown) {
      const { code, reason } = PlatformError.from(thrown);
      throw new PlatformError(code, `the model's answer is refused: ${reason}`, { cause: thrown });
    }
  }

  /** Tensors are made for each batch. */
  release(): void {}

  /** One row of zeros in every instance, also in those that start later; a model may refuse them, which is no fault. */
  async warmUp(): Promise<void> {
    const inputs = proofInputs(boundInputs(this.binding), true, 1);
    if (!inputs) return;
    const work = async (instance: TensorEngine): Promise<void> => {
      await instance.run(inputs, this.call).catch(() => {});
    };
    await (this.engine.each ? this.engine.each(work) : work(this.engine));
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}
