// Copies of requests for shadows: sent after the request itself, once, with a deadline of their own, and answered to
// nobody. What live and shadow answered is compared when both are there. A copy never waits: where the router has
// much to do, or the copies before it are not answered yet, it is dropped and counted. Pure: relay, clock and
// "later" are parameters. Not copied: steps of sequences (a shadow that gets some of them only answers wrong),
// requests that the route does not name, and REST calls that the router does not decode. Where a rollout is checked
// by copies both answers are evidence: a copy has the time that its request had, and one that got lost says nothing
// of its version.
//
// What may interleave: the shadow may answer before the live version. A copy's place is free again when both have
// answered or failed; the live request always ends, by its own deadline.

import { type Clock, RisingMap } from '@millrace/domain';
import { decodeInferResponse, inferResponseOf } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';
import type { CountedAnswer, EvidenceBook } from '../analysis/evidence-book.js';
import type { Outcomes } from '../outcomes/outcomes.js';
import type { Relay } from '../relay/relay.js';
import { statusOfChosen } from '../routing/chosen-status.js';
import { compareAnswers } from './compared-answers.js';
import type { AnswerPairs } from './paired-answers.js';

/** Unanswered copies: at 1,000 copies a second a shadow may take a quarter of a second before some are dropped. */
export const COPIES_MAX = 256;
/** Bytes of their requests. */
export const COPY_BYTES_MAX = 16_777_216;
/** Requests of callers in flight at which none is copied: an eighth of what the relay takes. */
export const BUSY_IN_FLIGHT = 1_024;
/** A shadow that is slower than this counts as failed; its place is free for another copy. */
export const COPY_DEADLINE_MS = 2_000;
/** Longest answer that is kept and compared, thousands of rows of a task's outputs: 32 MiB for all copies in flight. */
const KEPT_BYTES_MAX = 65_536;

export const DROPS = ['busy', 'in_flight', 'bytes'] as const;
export type Drop = (typeof DROPS)[number];

const NOTHING = new Uint8Array(0);
/** A request that has had the time of a copy. */
const LATE: Omit<CountedAnswer, 'drawnBy'> = {
  ...{ status: GRPC_STATUS.DEADLINE_EXCEEDED, elapsedMs: COPY_DEADLINE_MS, response: NOTHING, isStream: false },
};

export interface CopiedCall {
  project: string;
  /** The version that answers the caller. */
  live: number;
  request: Uint8Array;
  /** Of the request. */
  id: string;
  entity: string;
  stream: boolean;
  /** Of the request, on the monotonic clock. */
  deadlineAtMs: number;
}

/** Told what the live version answers to a copied request. */
export interface LiveAnswer {
  answered(status: number, response: Uint8Array, final: boolean): void;
  /** The caller went away: there is nothing to compare with. At its deadline, by the status, it was kept waiting. */
  gone(status: number): void;
}

export interface ShadowPorts {
  clock: Clock;
  later(callback: () => void): void;
  /** Requests and failures of shadows, apart from those of callers. */
  outcomes: Outcomes;
  pairs: AnswerPairs;
  /** Told of requests that both versions were asked. */
  evidence?: Pick<EvidenceBook, 'bothAnswered'>;
}

/** One version's answer to one request, as far as it is kept. */
class Kept {
  ended = false;
  isOk = false;
  status = 0;
  elapsedMs = 0;
  private answers = 0;
  private bytes: Uint8Array | undefined;

  constructor(
    readonly stream: boolean,
    private readonly clock: Clock,
    private readonly startMs = clock.monotonicMs(),
  ) {}

  /** What is evidence of its version. */
  get answer(): Omit<CountedAnswer, 'drawnBy'> {
    const { status, elapsedMs, stream, response = NOTHING } = this;
    return { status, elapsedMs, response, isStream: stream };
  }

  /** undefined: it failed, was answered many times, or with too much. */
  get response(): Uint8Array | undefined {
    return this.answers === 1 ? this.bytes : undefined;
  }

  take(status: number, response: Uint8Array, final: boolean): void {
    this.ended = final;
    this.status = status;
    this.elapsedMs = this.clock.monotonicMs() - this.startMs;
    this.isOk = status === GRPC_STATUS.OK;
    if (response.length === 0) return;
    this.answers += 1;
    // A copy: a view would keep the whole message of many answers alive.
    if (this.answers === 1 && response.length <= KEPT_BYTES_MAX) this.bytes = new Uint8Array(response);
  }
}

interface Copy {
  version: number;
  shadow: Kept;
  live: Kept;
  /** What the copy may take. */
  withinMs: number;
  startMs: number;
  /** Among those under way. */
  serial: number;
  /** It has been told as evidence, or is none. */
  isTold: boolean;
}

interface UnderWay {
  call: CopiedCall;
  copy: Copy;
}

export class ShadowCopies {
  readonly dropped: Record<Drop, number> = { busy: 0, in_flight: 0, bytes: 0 };
  private readonly underWay = new RisingMap<UnderWay>();
  private serial = 0;
  private bytes = 0;

  constructor(
    private readonly relay: Relay,
    private readonly ports: ShadowPorts,
  ) {}

  get inFlight(): number {
    return this.underWay.size;
  }

  /** The request is on its way to the live version. undefined: no copy was made. */
  copy(call: CopiedCall, shadows: readonly number[]): LiveAnswer | undefined {
    const { clock } = this.ports;
    const live = new Kept(call.stream, clock);
    const withinMs = Math.min(COPY_DEADLINE_MS, call.deadlineAtMs - clock.monotonicMs());
    const copies: Copy[] = [];
    for (const version of shadows) {
      const drop = this.drop(call.request.length);
      if (drop !== undefined) {
        this.dropped[drop] += 1;
        continue;
      }
      this.bytes += call.request.length;
      const startMs = clock.monotonicMs();
      this.serial += 1;
      const { serial } = this;
      const copy = { version, live, shadow: new Kept(call.stream, clock), withinMs, startMs, serial, isTold: false };
      this.underWay.set(serial, { call, copy });
      copies.push(copy);
      // Later: what this turn brought for the live version leaves before any copy.
      this.ports.later(() => this.send(call, copy));
    }
    if (copies.length === 0) return undefined;
    const ended = () => {
      for (const copy of copies) this.settle(call, copy);
    };
    return {
      answered: (status, response, final) => {
        live.take(status, response, final);
        if (final) ended();
      },
      gone: (status) => {
        live.take(status, NOTHING, true);
        ended();
      },
    };
  }

  /**
   * Called every few milliseconds. Requests whose callers wait longer than a copy may take are late as soon as copies
   * are: what a serving that stands still does to both would be taken for a fault of the version that gets the copies.
   */
  tick(): void {
    if (this.underWay.size === 0) return;
    const nowMs = this.ports.clock.monotonicMs();
    this.underWay.forEach(({ call, copy }) => {
      if (copy.isTold || copy.live.ended || nowMs - copy.startMs < COPY_DEADLINE_MS) return;
      copy.isTold = true;
      if (copy.shadow.isOk) this.tell(call, copy, LATE);
    });
  }

  private tell(call: CopiedCall, { version, shadow }: Copy, live: Omit<CountedAnswer, 'drawnBy'>): void {
    this.ports.evidence?.bothAnswered(
      call.project,
      { version: call.live, answer: { ...live, drawnBy: call.id } },
      { version, answer: { ...shadow.answer, drawnBy: call.id } },
    );
  }

  private drop(bytes: number): Drop | undefined {
    if (this.relay.inFlight >= BUSY_IN_FLIGHT) return 'busy';
    if (this.underWay.size >= COPIES_MAX) return 'in_flight';
    return this.bytes + bytes > COPY_BYTES_MAX ? 'bytes' : undefined;
  }

  private send(call: CopiedCall, copy: Copy): void {
    const { clock, outcomes } = this.ports;
    const startMs = clock.monotonicMs();
    copy.shadow = new Kept(call.stream, clock, startMs);
    this.relay.send({
      version: copy.version,
      model: call.project,
      request: call.request,
      // No second branch in the caller's trace.
      traceparent: '',
      entity: call.entity,
      sequence: '',
      deadlineAtMs: startMs + copy.withinMs,
      stream: call.stream,
      shadow: true,
      done: (status, _, response, final) => {
        copy.shadow.take(status, response, final);
        if (!final) return;
        outcomes.record(call.project, copy.version, statusOfChosen(status), clock.monotonicMs() - startMs);
        this.settle(call, copy);
      },
    });
  }

  /** Once both have ended. */
  private settle(call: CopiedCall, copy: Copy): void {
    const { version, live, shadow } = copy;
    if (!live.ended || !shadow.ended) return;
    this.underWay.delete(copy.serial);
    this.bytes -= call.request.length;
    if (!copy.isTold && isEvidence(live, shadow)) this.tell(call, copy, live.answer);
    if (!live.isOk || !shadow.isOk) return;
    // Not before the answers of this turn have left.
    this.ports.later(() => this.ports.pairs.add(call.project, call.live, version, compared(live, shadow)));
  }
}

/** A request that was given up says nothing, nor does a copy that had less time than its request took. */
function isEvidence(live: Kept, shadow: Kept): boolean {
  if (live.status === GRPC_STATUS.CANCELLED || shadow.status === GRPC_STATUS.CANCELLED) return false;
  return shadow.status !== GRPC_STATUS.DEADLINE_EXCEEDED || live.elapsedMs < COPY_DEADLINE_MS;
}

function compared(live: Kept, shadow: Kept): ReturnType<typeof compareAnswers> {
  const [ours, theirs] = [live.response, shadow.response];
  if (ours === undefined || theirs === undefined) return undefined;
  try {
    const read = (bytes: Uint8Array) => decodeInferResponse(live.stream ? inferResponseOf(bytes) : bytes);
    return compareAnswers(read(ours), read(theirs));
  } catch {
    return undefined; // an answer that is none: the caller of the live one finds out, here it counts as uncompared
  }
}
