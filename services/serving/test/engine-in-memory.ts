// Engine processes without processes: an EngineHost behind an EngineLink, bytes cut at random places on their way,
// timers that move when told. For unit tests of the parent's side.

import { ManualClock, type Rng, seededRng } from '@millrace/domain';
import { NO_PARAMETERS, Tensor } from '@millrace/inference';
import { ENGINE_LIMITS, type EngineLimits, type EnginePorts, type Launch } from '../src/engines/engine-client.js';
import { EngineHost, type LoadOrder } from '../src/engines/engine-host.js';
import { type EngineEvents, type EngineProcessSettings, RESTARTS } from '../src/engines/engine-process.js';
import { SHARED_BYTES_MAX, SharedBuffer, type SharedFile } from '../src/engines/shared-buffer.js';
import type { EngineCall, TensorEngine } from '../src/runtime/tensor-engine.js';

export const CALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };

export function step(id: string, start = false, end = false): EngineCall {
  return { ...CALL, sequence: { id, start, end } };
}

export const numbers = (...values: number[]): Tensor =>
  Tensor.of('X', 'FP32', [1, values.length], Float32Array.from(values));

export const ORDER: LoadOrder = {
  platform: 'test',
  source: { name: 'm', version: 1, folder: '/nowhere', parameters: {}, gpu: null, batched: true },
  timed: false,
};

const SPEC = [{ name: 'X', datatype: 'FP32' as const, shape: [-1, -1] }];

/** Echoes unless told otherwise. */
export function echo(part: Partial<TensorEngine> = {}): TensorEngine {
  return { inputs: SPEC, outputs: SPEC, run: async (inputs) => inputs, close: async () => undefined, ...part };
}

/** One started process of the rig. */
export interface Started {
  /** As if killed by the system. */
  die(reason: string): void;
  alive: boolean;
}

export class EngineRig {
  readonly clock = new ManualClock();
  readonly started: Started[] = [];
  readonly crashes: { reason: string; lost: number; againInMs: number | undefined }[] = [];
  restarts = 0;
  /** What the next process loads; may throw. */
  load: () => TensorEngine | Promise<TensorEngine>;
  private readonly rng: Rng = seededRng(7);
  private timers: { atMs: number; work: () => void }[] = [];

  constructor(load: () => TensorEngine | Promise<TensorEngine> = () => echo()) {
    this.load = load;
  }

  readonly ports: EnginePorts = {
    clock: this.clock,
    allocate: (bytes) => new Uint8Array(bytes),
    after: (delayMs, work) => {
      const timer = { atMs: this.clock.monotonicMs() + delayMs, work };
      this.timers.push(timer);
      return () => {
        this.timers = this.timers.filter((other) => other !== timer);
      };
    },
  };

  readonly events: EngineEvents = {
    crashed: (reason, lost, againInMs) => this.crashes.push({ reason, lost, againInMs }),
    restarted: () => {
      this.restarts++;
    },
  };

  readonly launch: Launch = (events) => {
    let whenGone: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      whenGone = resolve;
    });
    const process: Started = {
      alive: true,
      die: (reason) => {
        if (!process.alive) return;
        process.alive = false;
        events.gone(reason);
        whenGone();
      },
    };
    this.started.push(process);
    const [own, other] = lanes();
    const host = new EngineHost({
      shared: other,
      clock: this.clock,
      allocate: (bytes) => new Uint8Array(bytes),
      send: (parts) => this.deliver(parts, (chunk) => process.alive && events.bytes(chunk)),
      unsentBytes: () => 0,
      load: async () => this.load(),
    });
    return {
      shared: own,
      send: (parts) => this.deliver(parts, (chunk) => process.alive && host.receive(chunk)),
      end: async () => {
        queueMicrotask(() => void host.close().then(() => process.die('exit code 0')));
        await gone;
      },
      kill: () => process.die('signal SIGKILL'),
    };
  };

  settings(limits: Partial<EngineLimits> = {}): EngineProcessSettings {
    return { order: ORDER, limits: { ...ENGINE_LIMITS, ...limits }, restarts: RESTARTS, launch: this.launch };
  }

  /** Moves the clock and runs what is due, in order, until the microtasks that follow have run. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.clock.monotonicMs() + ms;
    for (;;) {
      await settled();
      const due = this.timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.timers = this.timers.filter((timer) => timer !== due);
      this.clock.advance(Math.max(0, due.atMs - this.clock.monotonicMs()));
      due.work();
    }
    this.clock.advance(untilMs - this.clock.monotonicMs());
    await settled();
  }

  /** The bytes as one stream, cut anywhere, each piece in its own turn. */
  private deliver(parts: readonly Uint8Array[], take: (chunk: Uint8Array) => void): void {
    const bytes = joined(parts);
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + this.rng.below(200));
      const chunk = bytes.slice(at, end);
      queueMicrotask(() => take(chunk));
      at = end;
    }
  }
}

/** Both ends of a memory file, which here is memory. */
function lanes(): [SharedBuffer, SharedBuffer] {
  const places = [new Uint8Array(SHARED_BYTES_MAX), new Uint8Array(SHARED_BYTES_MAX)] as const;
  const file = (own: Uint8Array, other: Uint8Array): SharedFile => ({
    write: (bytes, at) => {
      own.set(bytes, at);
      return true;
    },
    read: (length) => other.slice(0, length),
  });
  return [new SharedBuffer(file(places[0], places[1])), new SharedBuffer(file(places[1], places[0]))];
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** All that was set off by promises has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
