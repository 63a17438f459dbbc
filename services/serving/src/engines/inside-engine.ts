// An engine inside the process that speaks the wire, as an instance of a pool: always ready.

import type { Tensor } from '@millrace/inference';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';
import type { EngineInstance } from './engine-process.js';

export class InsideEngine implements EngineInstance {
  readonly state = 'ready';
  readonly life = 1;
  readonly reason = '';
  readonly startsInMs = 0;
  inFlight = 0;
  readonly stream?: NonNullable<TensorEngine['stream']>;

  constructor(readonly engine: TensorEngine) {
    if (engine.stream) {
      this.stream = (inputs, call, emit, signal) =>
        this.counted(() => (engine.stream as NonNullable<TensorEngine['stream']>)(inputs, call, emit, signal));
    }
  }

  get inputs(): TensorEngine['inputs'] {
    return this.engine.inputs;
  }

  get outputs(): TensorEngine['outputs'] {
    return this.engine.outputs;
  }

  run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    return this.counted(() => this.engine.run(inputs, call));
  }

  async whenReady(): Promise<void> {}

  each(work: (instance: TensorEngine) => Promise<void>): Promise<void> {
    return work(this.engine);
  }

  forget(sequenceId: string): void {
    this.engine.forget?.(sequenceId);
  }

  close(): Promise<void> {
    return this.engine.close();
  }

  private async counted<T>(work: () => Promise<T>): Promise<T> {
    this.inFlight++;
    try {
      return await work();
    } finally {
      this.inFlight--;
    }
  }
}
