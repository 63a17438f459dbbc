// Serving's side of one engine process's life: sends calls, matches answers by id, ends all calls in flight when the
// process ends. A life is never started again; engine-process.ts makes a new one. Knows no socket and no process.
//
// Bounds: calls and bytes in flight (overloaded above), the length of a frame, and silence: a process that says nothing
// for `silenceMaxMs` while calls are in flight is killed, because a model that hangs would hold its instance for ever.

import { type Clock, PlatformError, RisingMap } from '@millrace/domain';
import type { Tensor } from '@millrace/inference';
import type { EngineCall } from '../runtime/tensor-engine.js';
import {
  type Allocate,
  encodeCall,
  encodeCancel,
  encodeDocument,
  encodeForget,
  FRAME,
  type Frame,
  FrameReader,
} from './engine-frames.js';
import { attachShared, type Declaration, type LoadOrder } from './engine-host.js';
import type { SharedBuffer } from './shared-buffer.js';

/** One running engine process, as its edge offers it. */
export interface EngineLink {
  /** For large tensors; one for each process. */
  readonly shared: SharedBuffer;
  /** Parts in order; they must stay unchanged until written. Ignored once the process is gone. */
  send(parts: readonly Uint8Array[]): void;
  /** Closes the pipe, so that the process ends by itself; kills it after `graceMs`. Resolves when it is gone. */
  end(graceMs: number): Promise<void>;
  /** At once; `gone` follows. */
  kill(): void;
}

export interface LinkEvents {
  bytes(chunk: Uint8Array): void;
  /** Once: the process has ended; the reason says how, with the last words of its stderr. */
  gone(reason: string): void;
}

export type Launch = (events: LinkEvents) => EngineLink;

export interface EngineLimits {
  /** From spawn until the model is loaded. */
  startMaxMs: number;
  /** See above. */
  silenceMaxMs: number;
  callsMax: number;
  bytesMax: number;
  /** Between the closed pipe and the kill at the end. */
  endGraceMs: number;
}

export const ENGINE_LIMITS: EngineLimits = {
  // A large SavedModel takes tens of seconds on a cold disk.
  startMaxMs: 120_000,
  // The longest call that anybody waits for: gateways and clients give up at or before two minutes.
  silenceMaxMs: 120_000,
  // The batcher keeps one batch per instance in flight; only streams and warm-up come beside it.
  callsMax: 1024,
  bytesMax: 1_073_741_824 + 65_536,
  endGraceMs: 2_000,
};

export interface EnginePorts {
  clock: Clock;
  allocate: Allocate;
  /** Runs work once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
}

interface Pending {
  bytes: number;
  emit: ((outputs: readonly Tensor[]) => void) | undefined;
  resolve(outputs: readonly Tensor[]): void;
  reject(error: PlatformError): void;
}

const NO_TENSORS: readonly Tensor[] = [];

export class EngineClient {
  /** Rejects with the process's own error where it cannot load, with unavailable where it ended or took too long. */
  readonly ready: Promise<Declaration>;
  /**
   * Told why the process has ended, before the calls in flight are: says in a sentence what comes next, for them.
   * `lost` is counted by then.
   */
  onEnd: (reason: string) => string = () => '';
  /** Of the last answer, as the process measured it. */
  lastComputeUs = 0;
  loadUs = 0;
  /** Calls that were answered. */
  answered = 0;
  /** Calls that were in flight when the process ended. */
  lost = 0;
  private readonly link: EngineLink;
  private readonly pending = new RisingMap<Pending>();
  private readonly reader = new FrameReader((frame) => this.take(frame));
  private settleReady!: { resolve(declaration: Declaration): void; reject(error: PlatformError): void };
  private bytesInFlight = 0;
  private nextId = 1;
  private heardAtMs = 0;
  private stopWatch: (() => void) | undefined;
  private readonly stopStartWatch: () => void;
  /** Why this side ended it; else the edge's own reason counts. */
  private verdict: string | undefined;
  private over = false;

  constructor(
    /** For errors: "model 'm' version 1". */
    private readonly label: string,
    order: LoadOrder,
    private readonly limits: EngineLimits,
    launch: Launch,
    private readonly ports: EnginePorts,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    // Whoever waits hears of it; a life that ends before anybody waits is no programmer error.
    this.ready.catch(() => undefined);
    this.stopStartWatch = ports.after(limits.startMaxMs, () =>
      this.condemn(`did not load the model within ${limits.startMaxMs} ms`),
    );
    this.link = launch({ bytes: (chunk) => this.receive(chunk), gone: (reason) => this.gone(reason) });
    this.link.send(encodeDocument(FRAME.load, order));
  }

  get inFlight(): number {
    return this.pending.size;
  }

  async run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]> {
    return new Promise((resolve, reject) => {
      this.call(FRAME.run, inputs, call, undefined, resolve, reject);
    });
  }

  /**
   * Resolves at the end or as soon as the signal is aborted; the process is told, and counts as busy until it stopped.
   */
  async stream(
    inputs: readonly Tensor[],
    call: EngineCall,
    emit: (outputs: readonly Tensor[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      let id = 0;
      const abort = (): void => {
        const pending = this.pending.get(id);
        if (!pending) return;
        pending.emit = undefined;
        this.link.send(encodeCancel(id, this.link.shared));
        resolve();
      };
      const over = (): void => signal.removeEventListener('abort', abort);
      signal.addEventListener('abort', abort, { once: true });
      const done = (): void => {
        over();
        resolve();
      };
      const failed = (error: PlatformError): void => {
        over();
        reject(error);
      };
      try {
        id = this.call(FRAME.stream, inputs, call, emit, done, failed);
      } catch (thrown) {
        failed(PlatformError.from(thrown));
      }
    });
  }

  /** Nobody waits for it, nothing answers it. */
  forget(sequenceId: string): void {
    this.link.send(encodeForget(sequenceId, this.link.shared));
  }

  /** Ends the process by itself; calls in flight are answered with unavailable when it is gone. */
  async close(): Promise<void> {
    if (this.over) return;
    this.verdict ??= 'was told to end';
    await this.link.end(this.limits.endGraceMs);
  }

  private call(
    kind: typeof FRAME.run | typeof FRAME.stream,
    inputs: readonly Tensor[],
    call: EngineCall,
    emit: Pending['emit'],
    resolve: Pending['resolve'],
    reject: Pending['reject'],
  ): number {
    const { limits, pending } = this;
    if (this.over) {
      reject(new PlatformError('unavailable', `the engine process of ${this.label} has ended`));
      return 0;
    }
    let bytes = 0;
    for (const tensor of inputs) bytes += tensor.byteLength;
    // One call always fits, so that the bound on all is not one on the request.
    if (pending.size >= limits.callsMax || (pending.size > 0 && this.bytesInFlight + bytes > limits.bytesMax)) {
      const what = `${pending.size} calls and ${this.bytesInFlight} bytes are in flight`;
      const bound = `at most ${limits.callsMax} and ${limits.bytesMax} are allowed`;
      reject(new PlatformError('overloaded', `the engine process of ${this.label} is busy: ${what}, ${bound}`));
      return 0;
    }
    const id = this.nextId;
    // Ids come again after 2^32 calls, when none of them can be in flight any more.
    this.nextId = id === 0xffff_ffff ? 1 : id + 1;
    const parts = encodeCall(kind, id, inputs, call, this.ports.allocate, this.link.shared);
    if (pending.size === 0) this.heardAtMs = this.ports.clock.monotonicMs();
    pending.set(id, { bytes, emit, resolve, reject });
    this.bytesInFlight += bytes;
    this.watch();
    this.link.send(parts);
    return id;
  }

  private receive(chunk: Uint8Array): void {
    if (this.over) return;
    this.heardAtMs = this.ports.clock.monotonicMs();
    try {
      this.reader.push(chunk);
    } catch (thrown) {
      this.condemn(`sent what cannot be read: ${PlatformError.from(thrown).reason}`);
    }
  }

  private take(frame: Frame): void {
    attachShared(frame, this.link.shared);
    if (frame.kind === FRAME.ready || (frame.kind === FRAME.failed && frame.id === 0)) {
      this.stopStartWatch();
      this.loadUs = frame.computeUs;
      if (frame.kind === FRAME.ready) this.settleReady.resolve(frame.document() as Declaration);
      else {
        const failure = frame.failure();
        this.verdict ??= `could not load the model: ${failure.reason}`;
        this.settleReady.reject(failure);
        void this.link.end(this.limits.endGraceMs);
      }
      return;
    }
    const pending = this.pending.get(frame.id);
    if (!pending) throw new PlatformError('corrupt', `an answer to call ${frame.id}, which is not in flight`);
    if (frame.kind === FRAME.answer) {
      this.pass(frame.id, pending, frame.tensors());
      return;
    }
    const outputs = frame.kind === FRAME.done ? frame.tensors() : NO_TENSORS;
    const error = frame.kind === FRAME.done ? undefined : frame.failure();
    this.pending.delete(frame.id);
    this.bytesInFlight -= pending.bytes;
    this.answered++;
    this.lastComputeUs = frame.computeUs;
    if (error) pending.reject(error);
    else pending.resolve(outputs);
  }

  /** What the caller's own emit throws ends its stream, not the process. */
  private pass(id: number, pending: Pending, outputs: readonly Tensor[]): void {
    try {
      pending.emit?.(outputs);
    } catch (thrown) {
      pending.emit = undefined;
      this.link.send(encodeCancel(id, this.link.shared));
      pending.reject(PlatformError.from(thrown));
    }
  }

  private watch(): void {
    if (this.stopWatch) return;
    const quietMs = this.ports.clock.monotonicMs() - this.heardAtMs;
    const restMs = Math.max(1, Math.ceil(this.limits.silenceMaxMs - quietMs));
    this.stopWatch = this.ports.after(restMs, () => {
      this.stopWatch = undefined;
      if (this.over || this.pending.size === 0) return;
      const silentMs = this.ports.clock.monotonicMs() - this.heardAtMs;
      if (silentMs < this.limits.silenceMaxMs) this.watch();
      else this.condemn(`gave no answer for ${Math.round(silentMs)} ms and was killed`);
    });
  }

  private condemn(verdict: string): void {
    this.verdict ??= verdict;
    this.link.kill();
  }

  private gone(reason: string): void {
    if (this.over) return;
    this.over = true;
    this.stopStartWatch();
    this.stopWatch?.();
    const why = this.verdict === undefined ? reason : `it ${this.verdict}`;
    this.settleReady.reject(new PlatformError('unavailable', `the engine process of ${this.label} ended: ${why}`));
    const calls = this.pending.values();
    this.pending.clear();
    this.bytesInFlight = 0;
    this.lost = calls.length;
    const next = this.onEnd(why);
    for (const call of calls) call.reject(this.died(why, calls.length, next));
  }

  private died(why: string, calls: number, next: string): PlatformError {
    const at = calls === 1 ? 'at this request' : `at this request or another of the ${calls} that it computed`;
    return new PlatformError('unavailable', `the process of ${this.label} died ${at}: ${why}. ${next}`.trimEnd(), {
      facts: { died: true },
    });
  }
}
