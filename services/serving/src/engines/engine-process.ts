// One instance of a model in a process of its own, as a TensorEngine: when the process dies, its calls in flight are
// refused as unavailable and a new process is started after a back-off; a model that crashes CRASHES_MAX times in a row
// is given up and says why. What starts processes is a port (`launch`).
//
//   starting → ready → waiting (back-off) → starting …        any → failed (for good)        any → closed
//
// In a row: a crash counts unless its process had answered a call and lived for STABLE_MS since it was ready.

import { PlatformError, type RestartLimits, RestartPolicy } from '@millrace/domain';
import type { Tensor } from '@millrace/inference';
import type { EngineCall, TensorEngine } from '../runtime/tensor-engine.js';
import { EngineClient, type EngineLimits, type EnginePorts, type Launch } from './engine-client.js';
import type { Declaration, LoadOrder } from './engine-host.js';

/** Five starts tell a broken model from an unlucky process. */
export const CRASHES_MAX = 5;
export const STABLE_MS = 10_000;
/** A start loads the model: three quick ones, then seconds apart. */
export const RESTARTS: RestartLimits = {
  firstDelayMs: 50,
  maxDelayMs: 5_000,
  factor: 4,
  stableAfterMs: STABLE_MS,
  maxDeaths: CRASHES_MAX - 1,
  maxDeathsUnready: CRASHES_MAX - 1,
};

type Emit = (outputs: readonly Tensor[]) => void;

export type EngineState = 'starting' | 'ready' | 'waiting' | 'failed' | 'closed';

/** Told of what happens to an instance; must not throw. */
export interface EngineEvents {
  /**
   * A process ended that should not have: `lost` calls were refused. It comes again in `againInMs`, or never
   * (undefined).
   */
  crashed(reason: string, lost: number, againInMs: number | undefined): void;
  restarted(): void;
}

/** An instance in a pool: an engine that may be away for a while. */
export interface EngineInstance extends TensorEngine {
  readonly state: EngineState;
  /** Calls in flight. */
  readonly inFlight: number;
  /** Grows by one with each process: what an earlier one kept (sequences) is gone. */
  readonly life: number;
  /** Why it is not ready; '' = it is. */
  readonly reason: string;
  /** Until its next start begins, in ms; 0 where it is ready or starting, Infinity where none will. */
  readonly startsInMs: number;
  /** Resolves when the next start succeeds; rejects as unavailable when it fails or none will be. */
  whenReady(): Promise<void>;
}

export interface EngineProcessSettings {
  order: LoadOrder;
  limits: EngineLimits;
  restarts: RestartLimits;
  launch: Launch;
}

export class EngineProcess implements EngineInstance {
  readonly stream?: NonNullable<TensorEngine['stream']>;
  state: EngineState = 'ready';
  life = 1;
  reason = '';
  private readonly policy: RestartPolicy;
  private readyAtMs: number;
  private cancelRestart: (() => void) | undefined;
  private startsAtMs = 0;
  /** Of the next start: settled when it is ready, or has failed. */
  private coming = deferred();
  /** What each new process does before it answers requests. */
  private warmUp: ((instance: TensorEngine) => Promise<void>) | undefined;

  private constructor(
    private client: EngineClient,
    private readonly declaration: Declaration,
    private readonly settings: EngineProcessSettings,
    private readonly ports: EnginePorts,
    private readonly events: EngineEvents,
  ) {
    if (declaration.streams) {
      this.stream = (inputs, call, emit, signal) => this.current().stream(inputs, call, emit, signal);
    }
    this.policy = new RestartPolicy(settings.restarts);
    this.coming.resolve();
    this.readyAtMs = ports.clock.monotonicMs();
    this.follow(client);
  }

  /**
   * Starts the first process; throws the model's own error where it cannot be loaded, unavailable where it does not
   * start.
   */
  static async open(settings: EngineProcessSettings, ports: EnginePorts, events: EngineEvents): Promise<EngineProcess> {
    const client = clientOf(settings, ports);
    try {
      return new EngineProcess(client, await client.ready, settings, ports, events);
    } catch (thrown) {
      await client.close();
      throw thrown;
    }
  }

  get inputs(): TensorEngine['inputs'] {
    return this.declaration.inputs;
  }

  get outputs(): TensorEngine['outputs'] {
    return this.declaration.outputs;
  }

  get inFlight(): number {
    return this.client.inFlight;
  }

  /** Of the last answer: how long the engine computed. */
  get lastComputeUs(): number {
    return this.client.lastComputeUs;
  }

  /** How long the engine took to load in the newest process. */
  get loadUs(): number {
    return this.client.loadUs;
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    return this.current().run(inputs, call);
  }

  async each(work: (instance: TensorEngine) => Promise<void>): Promise<void> {
    this.warmUp = work;
    if (this.state === 'ready') await work(this);
  }

  forget(sequenceId: string): void {
    if (this.state === 'ready') this.client.forget(sequenceId);
  }

  get startsInMs(): number {
    if (this.state === 'ready' || this.state === 'starting') return 0;
    return this.state === 'waiting' ? this.startsAtMs - this.ports.clock.monotonicMs() : Number.POSITIVE_INFINITY;
  }

  async whenReady(): Promise<void> {
    if (this.state === 'starting' || this.state === 'waiting') await this.coming.promise;
    if (this.state !== 'ready') throw this.away();
  }

  async close(): Promise<void> {
    this.state = 'closed';
    this.reason = 'it was closed';
    this.coming.reject(this.away());
    this.cancelRestart?.();
    await this.client.close();
  }

  private current(): EngineClient {
    if (this.state === 'ready') return this.client;
    throw this.away();
  }

  private away(): PlatformError {
    return new PlatformError('unavailable', `the engine of ${labelOf(this.settings.order)} is away: ${this.reason}`);
  }

  private follow(client: EngineClient): void {
    client.onEnd = (reason) => this.ended(client, reason);
  }

  /** What comes next, for those whose calls were lost. */
  private ended(client: EngineClient, reason: string): string {
    if (this.state === 'closed' || this.state === 'failed') return '';
    const ready = this.state === 'ready';
    const aliveMs = ready && client.answered > 0 ? this.ports.clock.monotonicMs() - this.readyAtMs : 0;
    const decision = this.policy.onDeath({ aliveMs, ready });
    if (decision.kind === 'give-up') {
      this.fail(`its engine process ended ${decision.deaths} times in a row, at last: ${reason}`, client.lost);
      return `It has ended ${decision.deaths} times in a row and is not started again until the version is loaded anew`;
    }
    const againInMs = decision.delayMs;
    this.state = 'waiting';
    this.startsAtMs = this.ports.clock.monotonicMs() + againInMs;
    this.reason = `its engine process ended: ${reason}`;
    this.comesLater();
    this.events.crashed(reason, client.lost, againInMs);
    this.cancelRestart = this.ports.after(againInMs, () => this.restart());
    return `It is started anew in ${againInMs} ms; other models go on. Asked again, the request may end it again`;
  }

  private restart(): void {
    this.state = 'starting';
    this.life++;
    const client = clientOf(this.settings, this.ports);
    this.client = client;
    this.follow(client);
    client.ready
      .then((declaration) => this.started(client, declaration))
      // Its end follows, and counts as a crash.
      .catch((error: PlatformError) => {
        if (this.state === 'starting') this.reason = error.reason;
      });
  }

  /** Who waited for the start that has failed looks anew; who comes from now on waits for the next. */
  private comesLater(): void {
    this.coming.reject(this.away());
    this.coming = deferred();
  }

  private async started(client: EngineClient, declaration: Declaration): Promise<void> {
    if (this.state !== 'starting') return;
    if (JSON.stringify(declaration) !== JSON.stringify(this.declaration)) {
      this.fail('its files have changed: the model now declares other inputs or outputs', 0);
      void client.close();
      return;
    }
    if (this.warmUp) {
      // The first process has done it: a fault here is no reason to stay away.
      await this.warmUp(this.instanceOf(client)).catch(() => undefined);
      if (!this.isStarting(client)) return;
    }
    this.state = 'ready';
    this.reason = '';
    this.readyAtMs = this.ports.clock.monotonicMs();
    this.coming.resolve();
    this.events.restarted();
  }

  /** It may have died meanwhile, and another be starting. */
  private isStarting(client: EngineClient): boolean {
    return this.state === 'starting' && this.client === client;
  }

  /** A process that requests do not reach yet. */
  private instanceOf(client: EngineClient): TensorEngine {
    const { inputs, outputs, streams } = this.declaration;
    return {
      inputs,
      outputs,
      run: (given, call) => client.run(given, call),
      ...(streams
        ? {
            stream: (given: readonly Tensor[], call: EngineCall, emit: Emit, signal: AbortSignal) =>
              client.stream(given, call, emit, signal),
          }
        : {}),
      close: async () => {},
    };
  }

  private fail(reason: string, lost: number): void {
    this.state = 'failed';
    this.reason = reason;
    this.coming.reject(this.away());
    this.events.crashed(reason, lost, undefined);
  }
}

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: PlatformError): void;
}

function deferred(): Deferred {
  let settle!: Pick<Deferred, 'resolve' | 'reject'>;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Nobody may be waiting.
  promise.catch(() => undefined);
  return { promise, ...settle };
}

function labelOf({ source }: LoadOrder): string {
  return `model '${source.name}' version ${source.version}`;
}

function clientOf({ order, limits, launch }: EngineProcessSettings, ports: EnginePorts): EngineClient {
  return new EngineClient(labelOf(order), order, limits, launch, ports);
}
