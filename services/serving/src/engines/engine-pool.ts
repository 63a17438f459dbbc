// Several instances of one model as one TensorEngine. A call goes to the ready instance with the fewest calls in
// flight; the steps of a sequence all go where it began, and a sequence whose process died is refused until it starts
// anew, because its state is gone. With no instance ready, a call waits for one that is starting or starts soon: that a
// row took the process down is no fault of the next one's. It is refused while all wait for a longer back-off.

import { PlatformError } from '@millrace/domain';
import type { Tensor } from '@millrace/inference';
import type { EngineCall, SequenceStep, TensorEngine } from '../runtime/tensor-engine.js';
import type { EngineInstance } from './engine-process.js';

/** Sequences whose place is remembered; the one that was silent longest is forgotten and counts as new. */
const SEQUENCES_MAX = 100_000;
/** The first four back-offs: 50, 200, 800 and 3,200 ms. */
const SOON_MS = 4_000;

interface Place {
  instance: EngineInstance;
  life: number;
}

export class EnginePool implements TensorEngine {
  readonly inputs: TensorEngine['inputs'];
  readonly outputs: TensorEngine['outputs'];
  readonly stream?: NonNullable<TensorEngine['stream']>;
  private readonly places = new Map<string, Place>();
  /** Ties go round, so that instances grow warm and wear alike. */
  private turn = 0;

  constructor(
    private readonly label: string,
    private readonly instances: readonly [EngineInstance, ...EngineInstance[]],
    private readonly sequencesMax = SEQUENCES_MAX,
  ) {
    const [first] = instances;
    this.inputs = first.inputs;
    this.outputs = first.outputs;
    if (first.stream) {
      this.stream = async (inputs, call, emit, signal) => {
        const { stream } = await this.instanceFor(call.sequence);
        await stream?.(inputs, call, emit, signal);
      };
    }
  }

  /** All instances were given up. */
  get failure(): string {
    const { instances } = this;
    for (const { state } of instances) if (state !== 'failed') return '';
    return instances[0].reason;
  }

  /** Calls that may run at the same time to keep every instance busy. */
  get concurrency(): number {
    return this.instances.length;
  }

  get inFlight(): number {
    return this.instances.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    const found = this.instanceFor(call.sequence);
    return (found instanceof Promise ? await found : found).run(inputs, call);
  }

  async each(work: (instance: TensorEngine) => Promise<void>): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.each?.(work) ?? work(instance)));
  }

  forget(sequenceId: string): void {
    const place = this.places.get(sequenceId);
    this.places.delete(sequenceId);
    place?.instance.forget?.(sequenceId);
  }

  async close(): Promise<void> {
    this.places.clear();
    await Promise.all(this.instances.map((instance) => instance.close()));
  }

  private instanceFor(sequence: SequenceStep | undefined): EngineInstance | Promise<EngineInstance> {
    const place = sequence && this.placeOf(sequence);
    if (place) return place;
    const ready = this.leastBusy();
    const chosen = ready ?? this.firstReady();
    if (!sequence || sequence.end) return chosen;
    if (!(chosen instanceof Promise)) return this.remember(sequence.id, chosen);
    return chosen.then((instance) => this.remember(sequence.id, instance));
  }

  private placeOf({ id, start, end }: SequenceStep): EngineInstance | undefined {
    const place = this.places.get(id);
    if (!place) return undefined;
    this.places.delete(id);
    const { instance, life } = place;
    if (instance.state !== 'ready' || instance.life !== life) {
      if (start) return undefined;
      throw new PlatformError(
        'unavailable',
        `sequence '${id.slice(0, 64)}' of ${this.label} was lost with its engine process: start it anew`,
        { retry: 'never' },
      );
    }
    // A start keeps its place, too: what the instance remembers of the id is replaced there.
    if (!end) this.places.set(id, place);
    return instance;
  }

  private remember(id: string, instance: EngineInstance): EngineInstance {
    this.places.set(id, { instance, life: instance.life });
    if (this.places.size > this.sequencesMax) this.places.delete(this.places.keys().next().value as string);
    return instance;
  }

  private leastBusy(): EngineInstance | undefined {
    const { instances } = this;
    let best: EngineInstance | undefined;
    for (let i = 0; i < instances.length; i++) {
      const instance = instances[(this.turn + i) % instances.length] as EngineInstance;
      if (instance.state === 'ready' && (!best || instance.inFlight < best.inFlight)) best = instance;
    }
    this.turn = (this.turn + 1) % instances.length;
    return best;
  }

  private async firstReady(): Promise<EngineInstance> {
    for (;;) {
      const soon = this.instances.filter(({ startsInMs }) => startsInMs <= SOON_MS);
      if (soon.length === 0) break;
      try {
        return await Promise.any(
          soon.map(async (instance) => {
            await instance.whenReady();
            return instance;
          }),
        );
      } catch {
        // All of these starts failed; the next ones come later, or never.
      }
    }
    const reasons = [...new Set(this.instances.map(({ reason }) => reason))].join('; ');
    throw new PlatformError('unavailable', `no engine of ${this.label} is ready: ${reasons}`);
  }
}
