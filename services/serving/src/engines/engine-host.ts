// The engine process's side of the protocol: loads one model when told to, runs calls as they come (several at once
// where the parent sends them so; an engine orders them itself if it must), sends answers back. Knows no socket and no
// runtime.

import { type Clock, PlatformError } from '@millrace/domain';
import type { Tensor } from '@millrace/inference';
import type { ModelSource, TensorEngine } from '../runtime/tensor-engine.js';
import {
  type Allocate,
  encodeAnswer,
  encodeDocument,
  encodeFailure,
  FRAME,
  type Frame,
  FrameReader,
} from './engine-frames.js';
import { SHARED_BYTES_MAX, type SharedBuffer } from './shared-buffer.js';

/** The document of a load frame. */
export interface LoadOrder {
  /** Of the runtime. */
  platform: string;
  source: Omit<ModelSource, 'gpu'> & { gpu: number | null };
  /** Load twice and time the second: the first pays for the runtime's library, too. */
  timed: boolean;
}

/** The document of a ready frame. */
export interface Declaration {
  inputs: TensorEngine['inputs'];
  outputs: TensorEngine['outputs'];
  /** Whether the engine answers in streams, too. */
  streams: boolean;
}

export interface HostPorts {
  clock: Clock;
  allocate: Allocate;
  send(parts: readonly Uint8Array[]): void;
  /** Bytes given to `send` that the parent has not taken yet. */
  unsentBytes(): number;
  load(platform: string, source: ModelSource): Promise<TensorEngine>;
  shared: SharedBuffer;
}

/** A stream whose answers the parent does not take ends above this. */
const UNSENT_BYTES_MAX = 268_435_456;
/** What took longer is no small model, whatever part of it was the library's. */
const TIMED_TWICE_MS_MAX = 1_000;
const NO_TENSORS: readonly Tensor[] = [];

export class EngineHost {
  private readonly reader = new FrameReader((frame) => this.take(frame));
  private readonly streams = new Map<number, AbortController>();
  private engine: TensorEngine | undefined;

  constructor(private readonly ports: HostPorts) {}

  /** Throws corrupt for malformed bytes: the process must end. */
  receive(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  async close(): Promise<void> {
    for (const stream of this.streams.values()) stream.abort();
    await this.engine?.close();
  }

  private take(frame: Frame): void {
    attachShared(frame, this.ports.shared);
    switch (frame.kind) {
      case FRAME.run:
        void this.run(frame);
        return;
      case FRAME.stream:
        void this.stream(frame);
        return;
      case FRAME.cancel:
        this.streams.get(frame.id)?.abort();
        return;
      case FRAME.forget:
        this.engine?.forget?.(frame.sequenceId());
        return;
      case FRAME.load:
        void this.load(frame.document() as LoadOrder);
        return;
      default:
        throw new PlatformError('corrupt', `message of kind ${frame.kind} to an engine process`);
    }
  }

  private async load({ platform, source, timed }: LoadOrder): Promise<void> {
    const { clock, send } = this.ports;
    let startMs = clock.monotonicMs();
    const loaded = () => this.ports.load(platform, { ...source, gpu: source.gpu ?? undefined });
    try {
      let engine = await loaded();
      if (timed && clock.monotonicMs() - startMs < TIMED_TWICE_MS_MAX) {
        await engine.close();
        startMs = clock.monotonicMs();
        engine = await loaded();
      }
      this.engine = engine;
      const declaration: Declaration = {
        inputs: engine.inputs,
        outputs: engine.outputs,
        streams: engine.stream !== undefined,
      };
      send(encodeDocument(FRAME.ready, declaration, this.microsSince(startMs)));
    } catch (thrown) {
      send(encodeFailure(0, PlatformError.from(thrown)));
    }
  }

  private async run(frame: Frame): Promise<void> {
    const { clock, send, allocate } = this.ports;
    try {
      const { inputs, call } = frame.call();
      const startMs = clock.monotonicMs();
      const outputs = await this.loaded().run(inputs, call);
      const computeUs = this.microsSince(startMs);
      send(encodeAnswer(FRAME.done, frame.id, outputs, computeUs, allocate, this.ports.shared));
    } catch (thrown) {
      send(encodeFailure(frame.id, PlatformError.from(thrown), this.ports.shared));
    }
  }

  private async stream(frame: Frame): Promise<void> {
    const { clock, send, allocate } = this.ports;
    const abort = new AbortController();
    this.streams.set(frame.id, abort);
    try {
      const { inputs, call } = frame.call();
      const engine = this.loaded();
      if (!engine.stream) throw new PlatformError('unimplemented', 'the model does not answer in streams');
      const startMs = clock.monotonicMs();
      const emit = (outputs: readonly Tensor[]): void => {
        if (abort.signal.aborted) return;
        if (this.ports.unsentBytes() > UNSENT_BYTES_MAX) {
          throw new PlatformError('overloaded', `the stream’s answers are not taken, ${UNSENT_BYTES_MAX} bytes wait`);
        }
        send(encodeAnswer(FRAME.answer, frame.id, outputs, this.microsSince(startMs), allocate, this.ports.shared));
      };
      await engine.stream(inputs, call, emit, abort.signal);
      send(encodeAnswer(FRAME.done, frame.id, NO_TENSORS, this.microsSince(startMs), allocate, this.ports.shared));
    } catch (thrown) {
      send(encodeFailure(frame.id, PlatformError.from(thrown), this.ports.shared));
    } finally {
      this.streams.delete(frame.id);
    }
  }

  private loaded(): TensorEngine {
    if (this.engine) return this.engine;
    throw new PlatformError('unavailable', 'the model is not loaded yet');
  }

  private microsSince(startMs: number): number {
    return Math.min(0xffff_ffff, Math.max(0, Math.round((this.ports.clock.monotonicMs() - startMs) * 1000)));
  }
}

/**
 * Every frame that points to shared memory is read at once, also one that nobody waits for: its place must become free.
 */
export function attachShared(frame: Frame, shared: SharedBuffer): void {
  shared.acknowledge(frame.acknowledged);
  if (frame.sharedBytes === 0) return;
  if (frame.sharedBytes > SHARED_BYTES_MAX) throw new PlatformError('corrupt', `${frame.sharedBytes} shared bytes`);
  frame.attach(shared.take(frame.sharedBytes));
}
