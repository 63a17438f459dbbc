// The router's side of the multiplexed stream to serving: requests become frames, all frames of one event-loop turn
// leave as few messages, answers come back out of order by id. Pure: streams, time and "later this turn" are
// parameters.
//
// States of a request:  waiting (no stream is up) ─▶ sent ─▶ answered
//   stream breaks while sent: once more after RESEND_MS (ModelInfer is idempotent here), the second time UNAVAILABLE;
//   serving does not take it within UNSETTLED_MS of a stream's change (it starts and has not loaded what the route
//   names, or it ends): again every RESEND_MS until the request is waitMaxMs old. A full queue, or a process that died
//   at the request, is an answer: it would fill or kill the next serving, too;
//   waiting longer than waitMaxMs: UNAVAILABLE; past its deadline: DEADLINE_EXCEEDED, and serving is told to forget it;
//   where several servings are there: to another one at once in both cases, and one that said "not yet" of a version is
//   left out for that version for UNREADY_MS;
//   one that fails or lags where the others do not gets nothing for a while (outliers.ts);
//   a step of a sequence goes to the serving that has the sequence, and to no other one;
//   more than IN_FLIGHT_MAX or IN_FLIGHT_BYTES_MAX: UNAVAILABLE at once, as V2 says a full queue;
//   past its deadline before it could be answered, as the answers before it tell (admission.ts) or the lag of the
//   router's own loop (loop-lag.ts): UNAVAILABLE at once, DEADLINE_EXCEEDED with less than a millisecond left;
//   each time that one is sent again takes a token (retry-budget.ts): without one UNAVAILABLE, or it goes on waiting;
//   a copy for a shadow: sent once or not at all, and takes no place of a request's (its sender bounds copies).
// `done` is called exactly once with `final` for each request that was not cancelled, never from within send(); a
// request of a stream may be answered several times before. One that was answered in part is not sent again.

import { type Clock, RisingMap } from '@millrace/domain';
import {
  decodeExchangeResponse,
  encodeExchangeRequest,
  REFUSAL,
  type RequestFrame,
  type ResponseFrame,
} from '@millrace/inference';
import { GRPC_STATUS, isFailure, type RolloutDraw } from '@millrace/routing';
import { type Lane, Lanes, levelOf } from './admission.js';
import { HeldRequests } from './held-requests.js';
import { LoopLag } from './loop-lag.js';
import { Outliers } from './outliers.js';
import { RetryBudget } from './retry-budget.js';
import { placeOfSequence } from './sequence-place.js';
import { UnreadyVersions } from './unready-versions.js';

/** Requests inside the router: 8,192 at 10k/s is under a second of work; beyond that waiting only adds latency. */
export const IN_FLIGHT_MAX = 8_192;
/** Their bytes; they are kept until answered, so that one can be sent again. */
export const IN_FLIGHT_BYTES_MAX = 268_435_456;
/** Requests held while no stream is up: 2 s at 2,000/s. */
export const WAITING_MAX = 4_096;
/** One message's frames and bytes: small enough that serving starts on the first while the next is written. */
const MESSAGE_FRAMES_MAX = 256;
const MESSAGE_BYTES_MAX = 1_048_576;
/** A frame's bytes besides the request, for cutting messages; an estimate will do. */
const FRAME_HEAD_BYTES = 128;
/** A starting serving loads what routes name within seconds. */
const UNSETTLED_MS = 10_000;
const RESEND_MS = 100;
/** The lag of the loop comes twice: the request has waited in its socket, and its answer will in another. */
const LAGS = 2;
/** With less left a refused request is late whoever is asked next. */
const ELSEWHERE_MS_MIN = 1;
const BUDGET_SPENT = 'it is not sent again, for too many were';

/** An open stream to serving. */
export interface RelayStream {
  /** Which serving: several streams lead to one. */
  readonly target: string;
  write(message: Uint8Array): void;
}

/** `final` is false for all answers but the last of a request with `stream`. */
export type Done = (status: number, message: string, response: Uint8Array, final: boolean) => void;

export interface RelayRequest {
  version: number;
  model: string;
  request: Uint8Array;
  traceparent: string;
  entity: string;
  /** '' = none. */
  sequence: string;
  /** On the monotonic clock; Infinity = none. */
  deadlineAtMs: number;
  /** The caller takes many answers, each a ModelStreamInferResponse. */
  stream: boolean;
  /** A copy whose answer no caller sees. */
  shadow?: boolean;
  /** A caller waits for it, and serving logs it as it logs copies: apart from live predictions. */
  apart?: boolean;
  /** Of the rollout that its version was drawn in. */
  draw?: RolloutDraw | undefined;
  /** Parameter `priority`: 1 = highest; absent or 0 = not given. */
  priority?: number;
  done: Done;
}

interface Pending extends RequestFrame {
  isCopy: boolean;
  deadlineAtMs: number;
  acceptedAtMs: number;
  /** undefined: there are too many lanes. */
  lane: Lane | undefined;
  level: number;
  sequence: string;
  waitingSinceMs: number;
  /** Where serving said "not yet": when to ask again; 0 = not. */
  resendAtMs: number;
  /** Streams that broke while it was on its way. */
  breaks: number;
  link: RelayStream | null;
  /** The serving that failed it last: another one is better. */
  avoid: string;
  answered: boolean;
  done: Done;
}

export interface RelayOptions {
  clock: Clock;
  /** Runs the callback once after the work of this event-loop turn. */
  endOfTurn(callback: () => void): void;
  allocate(size: number): Uint8Array;
  waitMaxMs: number;
  /** How often tick() is meant to be called. */
  tickMs: number;
}

export interface RelayCounters {
  retried: number;
  /** Those for which the budget of retries had no token. */
  retriesRefused: number;
  /** Refused because they would have been answered too late. */
  shed: number;
  /** Those among them that the lag of the router's own loop made late. */
  shedByLag: number;
  brokenStreams: number;
  corruptMessages: number;
}

const NOTHING = new Uint8Array(0);
/** Of a copy that the relay gave up: no failure of its version. */
const LOST = GRPC_STATUS.CANCELLED;
const CANCEL: Omit<RequestFrame, 'id'> = {
  version: 0,
  model: '',
  request: NOTHING,
  traceparent: '',
  entity: '',
  deadlineMs: 0,
  cancelled: true,
};

export class Relay {
  readonly counters: RelayCounters = {
    retried: 0,
    retriesRefused: 0,
    shed: 0,
    shedByLag: 0,
    brokenStreams: 0,
    corruptMessages: 0,
  };
  private readonly pending = new RisingMap<Pending>();
  private readonly streams: RelayStream[] = [];
  /** Streams of each serving that has any. */
  private readonly targets = new Map<string, number>();
  private readonly unready = new UnreadyVersions();
  private readonly lanes = new Lanes();
  private readonly outliers = new Outliers();
  private readonly budget = new RetryBudget();
  private readonly loop: LoopLag;
  private outbox: Pending[] = [];
  private waiting = new Set<Pending>();
  private readonly resending = new HeldRequests<Pending>();
  private changedAtMs = Number.NEGATIVE_INFINITY;
  private bytes = 0;
  /** Copies among `pending`. */
  private copies = 0;
  private lastId = 0;
  private nextStream = 0;
  private flushing = false;

  constructor(private readonly options: RelayOptions) {
    this.loop = new LoopLag(options.tickMs);
  }

  get up(): boolean {
    return this.streams.length > 0;
  }

  /** Servings that have a stream. */
  targetsUp(): string[] {
    return [...this.targets.keys()];
  }

  /** Servings that are left out for a while, because they fail or lag where the others do not. */
  ejected(): string[] {
    return this.outliers.ejected(this.options.clock.monotonicMs());
  }

  /** How often one was. */
  get ejections(): number {
    return this.outliers.ejections;
  }

  /** How long what comes waits for the router's own event loop. */
  get loopLagMs(): number {
    return this.loop.lagMs;
  }

  /** How many requests may be sent again now. */
  get retriesLeft(): number {
    return this.budget.left;
  }

  /** Requests of callers: without copies. */
  get inFlight(): number {
    return this.pending.size - this.copies;
  }

  /** Returns the id for cancel(); 0 = refused, `done` is called with UNAVAILABLE. */
  send(request: RelayRequest): number {
    const shadow = request.shadow === true;
    const full = this.inFlight >= IN_FLIGHT_MAX || this.bytes + request.request.length > IN_FLIGHT_BYTES_MAX;
    if (full && !shadow) {
      this.refuse(request.done, GRPC_STATUS.UNAVAILABLE, `the router holds ${this.inFlight} requests already`);
      return 0;
    }
    if (shadow && !this.up) {
      this.refuse(request.done, LOST, 'serving is away, and a copy does not wait for it');
      return 0;
    }
    if (!this.up && this.waiting.size + this.resending.size >= WAITING_MAX) {
      this.refuse(request.done, GRPC_STATUS.UNAVAILABLE, `serving is away and ${WAITING_MAX} requests wait already`);
      return 0;
    }
    const nowMs = this.options.clock.monotonicMs();
    // Copies take no place in it, and say nothing of it.
    const lane = shadow ? undefined : this.lanes.of(request.model, request.version);
    const level = levelOf(request.priority);
    if (!shadow && this.shed(request, level, lane, nowMs)) return 0;
    this.lastId += 1;
    const pending: Pending = {
      id: this.lastId,
      version: request.version,
      model: request.model,
      request: request.request,
      traceparent: request.traceparent,
      entity: request.entity,
      sequence: request.sequence,
      deadlineMs: 0,
      cancelled: false,
      deadlineAtMs: request.deadlineAtMs,
      acceptedAtMs: nowMs,
      lane,
      level,
      waitingSinceMs: 0,
      resendAtMs: 0,
      stream: request.stream,
      shadow: shadow || request.apart === true,
      isCopy: shadow,
      rolloutRevision: request.draw?.fromRevision ?? 0,
      rolloutWeight: request.draw?.weight ?? 0,
      breaks: 0,
      link: null,
      avoid: '',
      answered: false,
      done: request.done,
    };
    if (lane !== undefined) lane.inFlight += 1;
    this.pending.set(pending.id, pending);
    if (shadow) this.copies += 1;
    else {
      this.bytes += request.request.length;
      this.budget.earn();
    }
    this.enqueue(pending);
    return pending.id;
  }

  /** Refused where it could not be answered before its deadline. */
  private shed(request: RelayRequest, level: number, lane: Lane | undefined, nowMs: number): boolean {
    const leftMs = request.deadlineAtMs - nowMs;
    const lagMs = LAGS * this.loop.lagMs;
    const byLag = lagMs > leftMs;
    // While serving is away its lanes say nothing.
    const lateMs = byLag ? lagMs : this.up ? lane?.tooLateMs(leftMs, nowMs, level) : undefined;
    if (lateMs === undefined) return false;
    this.counters.shed += 1;
    if (byLag) this.counters.shedByLag += 1;
    const why = byLag ? 'the router is behind' : `too many requests wait for model '${request.model}'`;
    const late = `it would be answered in about ${Math.round(lateMs)} ms, and its deadline is in ${Math.round(leftMs)} ms`;
    const { UNAVAILABLE, DEADLINE_EXCEEDED } = GRPC_STATUS;
    this.refuse(request.done, leftMs < ELSEWHERE_MS_MIN ? DEADLINE_EXCEEDED : UNAVAILABLE, `${why}: ${late}`);
    return true;
  }

  /** Forgets a request; `done` is not called. */
  cancel(id: number): boolean {
    const pending = this.pending.get(id);
    if (pending === undefined) return false;
    this.forget(pending);
    this.tellCancelled(pending);
    return true;
  }

  streamUp(stream: RelayStream): void {
    this.streams.push(stream);
    this.targets.set(stream.target, (this.targets.get(stream.target) ?? 0) + 1);
    this.outliers.up(stream.target);
    this.changedAtMs = this.options.clock.monotonicMs();
    const held = this.waiting;
    this.waiting = new Set();
    // Those of a level in the order they came.
    for (const pending of [...held].sort((a, b) => a.level - b.level)) this.enqueue(pending);
  }

  streamDown(stream: RelayStream): void {
    const index = this.streams.indexOf(stream);
    if (index < 0) return;
    this.streams.splice(index, 1);
    const left = (this.targets.get(stream.target) ?? 1) - 1;
    if (left > 0) this.targets.set(stream.target, left);
    else {
      this.targets.delete(stream.target);
      this.outliers.down(stream.target);
    }
    this.counters.brokenStreams += 1;
    this.changedAtMs = this.options.clock.monotonicMs();
    for (const pending of this.pending.values()) {
      if (pending.link !== stream) continue;
      pending.link = null;
      if (pending.answered)
        this.finish(pending, GRPC_STATUS.UNAVAILABLE, 'serving went away within an answer', NOTHING);
      else if (pending.isCopy) this.finish(pending, LOST, 'serving went away, and a copy is not sent again', NOTHING);
      else if (++pending.breaks >= 2) this.finish(pending, GRPC_STATUS.UNAVAILABLE, 'serving went away twice', NOTHING);
      else this.resend(pending, stream.target, this.changedAtMs);
    }
  }

  /** False = not a message of ours: the stream cannot be trusted any more. */
  onMessage(message: Uint8Array): boolean {
    try {
      decodeExchangeResponse(message, this.onFrame);
      return true;
    } catch {
      this.counters.corruptMessages += 1;
      return false;
    }
  }

  /** Called every few milliseconds: ends what waited or ran too long. */
  tick(): void {
    const nowMs = this.options.clock.monotonicMs();
    const { waitMaxMs } = this.options;
    this.loop.ticked(nowMs);
    for (const pending of this.waiting) {
      if (nowMs - pending.waitingSinceMs < waitMaxMs) continue;
      this.finish(pending, GRPC_STATUS.UNAVAILABLE, `serving was away for ${waitMaxMs} ms`, NOTHING);
    }
    for (const pending of this.resending) {
      if (pending.resendAtMs > nowMs) continue;
      if (this.budget.take(nowMs)) this.sendHeld(pending);
      else if (nowMs - pending.resendAtMs > waitMaxMs) {
        this.counters.retriesRefused += 1;
        this.finish(pending, GRPC_STATUS.UNAVAILABLE, BUDGET_SPENT, NOTHING);
      }
    }
    this.outliers.judge(nowMs);
    this.pending.forEach((pending) => {
      if (pending.deadlineAtMs > nowMs) return;
      this.tellOfServing(pending, true, nowMs);
      this.finish(pending, GRPC_STATUS.DEADLINE_EXCEEDED, 'the deadline passed before serving answered', NOTHING);
      this.tellCancelled(pending);
    });
  }

  private readonly onFrame = (frame: ResponseFrame): void => {
    const pending = this.pending.get(frame.id);
    // Answers to cancelled or timed-out requests are expected and dropped.
    if (pending === undefined) return;
    if (frame.status !== GRPC_STATUS.OK && this.mayResend(pending, frame)) return;
    if (!frame.more) this.learn(pending, frame.status);
    if (frame.status === GRPC_STATUS.OK && this.resending.size > 0) this.sendHeldOf(pending);
    if (frame.more) {
      pending.answered = true;
      pending.done(frame.status, frame.message, frame.response, false);
    } else this.finish(pending, frame.status, frame.message, frame.response);
  };

  /** What it says of its version and of its serving: nothing where it waited for a stream or was sent again. */
  private learn(pending: Pending, status: number): void {
    const { lane, acceptedAtMs, resendAtMs, waitingSinceMs, avoid } = pending;
    if (resendAtMs !== 0 || waitingSinceMs !== 0 || avoid !== '') return;
    const nowMs = this.options.clock.monotonicMs();
    const failed = isFailure(status);
    this.tellOfServing(pending, failed, nowMs);
    if (!failed) lane?.answered(nowMs - acceptedAtMs, nowMs);
  }

  /** Copies take no serving out, nor do sequences, which go to one whatever it does. */
  private tellOfServing({ link, isCopy, sequence, acceptedAtMs }: Pending, failed: boolean, nowMs: number): void {
    if (link === null || isCopy || sequence !== '') return;
    this.outliers.answered(link.target, failed, nowMs - acceptedAtMs);
  }

  private mayResend(pending: Pending, { status, refusal = 0 }: ResponseFrame): boolean {
    const isUnavailable = status === GRPC_STATUS.UNAVAILABLE;
    const isNotTaken = status === GRPC_STATUS.NOT_FOUND || (isUnavailable && refusal === REFUSAL.notTaken);
    // A serving of an earlier release does not say why.
    const isUnsaid = isUnavailable && refusal === 0;
    if (!isNotTaken && !isUnsaid) return false;
    // A model without a route is not on its way.
    if (pending.version === 0 || pending.answered || pending.isCopy) return false;
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs - pending.acceptedAtMs + RESEND_MS > this.options.waitMaxMs) return false;
    const target = pending.link?.target ?? '';
    const isSettled = nowMs - this.changedAtMs > UNSETTLED_MS;
    if (isUnsaid) {
      if (isSettled) return false;
      pending.link = null;
      this.resendLater(pending, nowMs);
      return true;
    }
    if (this.targets.size > 1) this.unready.mark(target, pending.model, pending.version, nowMs);
    if (isSettled && !this.hasOther(target, pending, nowMs)) return false;
    pending.link = null;
    this.resend(pending, target, nowMs);
    return true;
  }

  /** At once where another serving may have it. */
  private resend(pending: Pending, failedAt: string, nowMs: number): void {
    if (!this.hasOther(failedAt, pending, nowMs)) {
      this.resendLater(pending, nowMs);
      return;
    }
    if (!this.budget.take(nowMs)) {
      this.counters.retriesRefused += 1;
      this.finish(pending, GRPC_STATUS.UNAVAILABLE, BUDGET_SPENT, NOTHING);
      return;
    }
    pending.avoid = failedAt;
    this.counters.retried += 1;
    this.enqueue(pending);
  }

  private hasOther(target: string, { model, version, sequence }: Pending, nowMs: number): boolean {
    if (sequence !== '') return false;
    for (const other of this.targets.keys())
      if (other !== target && !this.unready.isMarked(other, model, version, nowMs)) return true;
    return false;
  }

  /**
   * Not at once: a serving that dies takes all its streams with it, and the others are seen to break a moment later.
   */
  private resendLater(pending: Pending, nowMs: number): void {
    pending.resendAtMs = nowMs + RESEND_MS;
    this.resending.add(pending);
  }

  private sendHeld(pending: Pending): void {
    this.resending.delete(pending);
    this.counters.retried += 1;
    this.enqueue(pending);
  }

  /** The version is there: those that wait for it go now, and cost no token. */
  private sendHeldOf(answered: Pending): void {
    for (const held of this.resending.waitingFor(answered)) this.sendHeld(held);
  }

  private enqueue(pending: Pending): void {
    if (!this.up && pending.isCopy) {
      this.finish(pending, LOST, 'serving went away before the copy was sent', NOTHING);
      return;
    }
    if (!this.up) {
      pending.waitingSinceMs = this.options.clock.monotonicMs();
      this.waiting.add(pending);
      return;
    }
    this.outbox.push(pending);
    this.flushLater();
  }

  private flushLater(): void {
    if (this.flushing) return;
    this.flushing = true;
    this.options.endOfTurn(this.flush);
  }

  private readonly flush = (): void => {
    this.flushing = false;
    const frames = this.outbox;
    this.outbox = [];
    if (frames.length === 0) return;
    if (!this.up) {
      for (const frame of frames) if (this.pending.has(frame.id)) this.enqueue(frame);
      return;
    }
    const there = frames.filter((frame) => this.pending.has(frame.id));
    const nowMs = this.options.clock.monotonicMs();
    if (this.targets.size <= 1) this.write(there, this.streams, nowMs);
    else for (const { frames, streams } of this.byServing(there, nowMs)) this.write(frames, streams, nowMs);
  };

  private readyEverywhere({ model, version }: Pending, nowMs: number): boolean {
    for (const target of this.targets.keys()) if (this.unready.isMarked(target, model, version, nowMs)) return false;
    return true;
  }

  /** Frames with the streams of servings that may answer them: all, but for what some serving is not ready for. */
  private byServing(frames: Pending[], nowMs: number): { frames: Pending[]; streams: readonly RelayStream[] }[] {
    const free: Pending[] = [];
    const bound: { frames: Pending[]; streams: readonly RelayStream[] }[] = [];
    const allReady = this.unready.isEmpty(nowMs);
    const sound = this.soundStreams(nowMs);
    for (const frame of frames) {
      const { avoid, model, version, sequence } = frame;
      if (sequence !== '') {
        const place = placeOfSequence(this.targets.keys(), model, sequence);
        bound.push({ frames: [frame], streams: this.streams.filter(({ target }) => target === place) });
        continue;
      }
      if (avoid === '' && (allReady || this.readyEverywhere(frame, nowMs))) {
        free.push(frame);
        continue;
      }
      const ready = this.streams.filter(({ target }) => !this.unready.isMarked(target, model, version, nowMs));
      const others = ready.filter(({ target }) => target !== avoid);
      const best = others.filter((stream) => sound.includes(stream));
      const streams = [best, others, ready, this.streams].find(({ length }) => length > 0) as readonly RelayStream[];
      bound.push({ frames: [frame], streams });
    }
    return free.length === 0 ? bound : [{ frames: free, streams: sound }, ...bound];
  }

  /** Without those of servings that are left out. */
  private soundStreams(nowMs: number): readonly RelayStream[] {
    if (!this.outliers.isAny(nowMs)) return this.streams;
    const sound = this.streams.filter(({ target }) => !this.outliers.isEjected(target, nowMs));
    return sound.length === 0 ? this.streams : sound;
  }

  private write(frames: Pending[], streams: readonly RelayStream[], nowMs: number): void {
    let from = 0;
    while (from < frames.length) {
      const stream = streams[this.nextStream++ % streams.length] as RelayStream;
      let to = from;
      let bytes = 0;
      while (to < frames.length && to - from < MESSAGE_FRAMES_MAX && (to === from || bytes < MESSAGE_BYTES_MAX)) {
        const frame = frames[to] as Pending;
        this.markSent(frame, stream, nowMs);
        bytes += frame.request.length + FRAME_HEAD_BYTES;
        to += 1;
      }
      const part = from === 0 && to === frames.length ? frames : frames.slice(from, to);
      stream.write(encodeExchangeRequest(part, this.options.allocate));
      from = to;
    }
  }

  private markSent(pending: Pending, stream: RelayStream, nowMs: number): void {
    pending.link = stream;
    const leftMs = pending.deadlineAtMs - nowMs;
    pending.deadlineMs = leftMs === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.ceil(leftMs));
  }

  /** On the stream that carried the request: serving keeps ids per stream. Rare, so it is a message of its own. */
  private tellCancelled(pending: Pending): void {
    const { link: stream } = pending;
    if (stream === null || !this.streams.includes(stream)) return;
    const frame: RequestFrame = { ...CANCEL, id: pending.id };
    stream.write(encodeExchangeRequest([frame], this.options.allocate));
  }

  private finish(pending: Pending, status: number, message: string, response: Uint8Array): void {
    this.forget(pending);
    pending.done(status, message, response, true);
  }

  private forget(pending: Pending): void {
    this.pending.delete(pending.id);
    if (pending.lane !== undefined) pending.lane.inFlight -= 1;
    this.waiting.delete(pending);
    if (pending.resendAtMs !== 0) this.resending.delete(pending);
    if (pending.isCopy) this.copies -= 1;
    else this.bytes -= pending.request.length;
  }

  private refuse(done: Done, status: number, message: string): void {
    this.options.endOfTurn(() => done(status, message, NOTHING, true));
  }
}
