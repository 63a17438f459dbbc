// What a monitor keeps of one project in one partition number: the predictions and labels of its entities, which share
// key and partition count and so meet here. Its shares of windows that are open or wait for labels, the joins, quality,
// first rows, how far event time has come, counters. It closes nothing by itself: the project's judge, who sees all
// parts, tells it which windows are closed, judged and over. Synchronous and without clock: a batch is applied whole or
// not at all.
//
// Whatever it counts depends on its own partition's messages and on what the judge told, never on who holds the other
// parts: that is what makes the parts' sum the same for any number of processes.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { type Cohort, cohortKey, EVENT_TIME_AHEAD_MS_MAX, predictionId } from '@millrace/domain';
import type { Project } from '@millrace/project';
import type { JoinedRow, LabelOutcome } from '../quality/label-join.js';
import { type QualityBucketState, QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import { countJoined, noPartCounters, type PartCounters } from './counters.js';
import { PartFirstRows, type PartFirstRowsState } from './part-first-rows.js';
import type { Stream } from './positions.js';
import type { RowCohorts } from './row-cohorts.js';
import { markOf } from './row-mark.js';
import type { ModelMetadata } from './sources.js';
import { bucketLength, windowStart } from './window.js';
import { type ReferenceOf, WindowShare, type WindowShareState } from './window-share.js';

/** 4 million rows of windows that wait for labels, as codes; topics have four partitions by default. */
const QUALITY_BYTES_MAX = 16 * 1_048_576;

export interface PartState {
  partition: number;
  /** Newest event time by stream. */
  heard: Partial<Record<Stream, number>>;
  windows: WindowShareState[];
  quality: QualityBucketState[];
  firstRows: PartFirstRowsState[];
  counters: PartCounters;
}

/** How far event time has come in a stream. */
export interface Heard {
  maxEventMs: number;
  /** Processing time. */
  atMs: number;
}

/** What is one for all parts of a project. */
export interface PartOptions {
  project(): Project;
  windowMs: number;
  terms: TaskTerms;
  metadata: ModelMetadata;
  rowCohorts: RowCohorts;
  referenceOf: ReferenceOf;
  hasOwnReference(version: number): boolean;
  room: JoinRoom;
}

/** The bound on rows that wait for labels. */
export interface JoinRoom {
  /** False where nothing could be given up for one more. */
  hasOne(nowMs: number): boolean;
  took(rows: number): void;
}

interface AwaitingRow {
  id: string;
  mark: number;
  score: number;
  cohorts: readonly Cohort[];
  eventMs: number;
}

export class PartitionPart {
  readonly counters: PartCounters = noPartCounters();
  readonly quality: QualityHistory;
  readonly firstRows: PartFirstRows;
  private readonly heard: Partial<Record<Stream, Heard>> = {};
  /** Of windows that are open. */
  private readonly opened = new Map<number, WindowShare>();
  /** Of windows that are closed, and not over. */
  private readonly waiting = new Map<number, WindowShare>();
  /** Closed windows that are not over, whether there is a share of them or not: whether quality was judged. */
  private readonly closed = new Map<number, boolean>();
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  /** Shares that hold predictions without an event time. */
  private answerTimed = 0;
  /** The share of the last message: nearly always that of the next one. */
  private current: WindowShare | undefined;

  constructor(
    readonly partition: number,
    private readonly options: PartOptions,
  ) {
    const { terms, windowMs } = options;
    this.quality = new QualityHistory(terms, bucketLength(windowMs), QUALITY_BYTES_MAX);
    this.firstRows = new PartFirstRows(options.project().monitoring.referenceRows, options.hasOwnReference);
  }

  heardOf(stream: Stream): Heard | undefined {
    return this.heard[stream];
  }

  open(): Iterable<WindowShare> {
    return this.opened.values();
  }

  share(startMs: number): WindowShare | undefined {
    return this.opened.get(startMs) ?? this.waiting.get(startMs);
  }

  prediction(message: PredictionMessage, nowMs: number): void {
    const eventMs = message.eventTimeMs > 0 ? message.eventTimeMs : message.answeredAtMs;
    if (message.role !== 'live') {
      this.counters.shadowPredictions += 1;
      return;
    }
    if (eventMs > nowMs + EVENT_TIME_AHEAD_MS_MAX) {
      this.counters.futurePredictions += 1;
      return;
    }
    this.hear('predictions', eventMs, nowMs);
    const { terms, metadata, rowCohorts } = this.options;
    const score = terms.task.scoreOf(message.outputs);
    this.firstRows.see(message, score, metadata.inputsWithoutReference(message.project, message.modelVersion));
    const share = this.shareFor(eventMs);
    if (share?.hasAnswerTimes === false && message.eventTimeMs <= 0) {
      share.hasAnswerTimes = true;
      this.answerTimed += 1;
    }
    const mark = markOf(message, score);
    const seen = share?.join.seen(message.predictionId, mark) ?? 'new';
    if (seen === 'again') {
      this.counters.duplicatePredictions += 1;
      return;
    }
    const cohorts = rowCohorts.of(message);
    if (share === undefined || share.closed) {
      this.counters.latePredictions += 1;
      share?.countLate(cohorts);
    } else this.count(share, message, score, cohorts);
    if (seen === 'reused') this.counters.reusedIds += 1;
    else if (share !== undefined)
      this.awaitLabel(share, { id: message.predictionId, mark, score, cohorts, eventMs }, nowMs);
  }

  /** A label of this partition, whose row may be elsewhere (`holds`). Gives that row's id; undefined: it is of none. */
  label(message: LabelMessage, nowMs: number): string | undefined {
    this.counters.labels += 1;
    const { label } = this.options.project().data;
    if (label === undefined) {
      // Of a time when the project had one: it joins nothing and holds no window.
      this.counters.unmatchedLabels += 1;
      return undefined;
    }
    const knownMs = message.knownAtMs > 0 ? message.knownAtMs : message.eventTimeMs + label.delayMs;
    if (knownMs <= nowMs + EVENT_TIME_AHEAD_MS_MAX) this.hear('labels', knownMs, nowMs);
    // Where the client named no prediction, its request id is taken to be the record's id (row 0).
    return message.predictionId === '' ? predictionId(message.recordId, 0) : message.predictionId;
  }

  /** Whether the row of a label is here. `eventMs`: that the label names. */
  holds(id: string, eventMs: number): boolean {
    return this.shareWith(id, this.share(windowStart(eventMs, this.options.windowMs))) !== undefined;
  }

  /** Joins the label with its row, or keeps it until the row comes; 'unmatched' where it cannot. */
  join(id: string, value: number, eventMs: number, nowMs: number): LabelOutcome | 'unmatched' {
    const startMs = windowStart(eventMs, this.options.windowMs);
    // A closed window of which no row is here joins none.
    const own = this.closed.has(startMs) ? this.waiting.get(startMs) : this.shareFor(eventMs);
    const share = this.shareWith(id, own) ?? own;
    const isLost = share === undefined || (share.closed && !share.join.has(id));
    if (isLost || !this.options.room.hasOne(nowMs) || share.isRetired) {
      this.counters.unmatchedLabels += 1;
      return 'unmatched';
    }
    const before = share.join.size;
    const { kind, row } = share.join.addLabel(id, value);
    this.options.room.took(share.join.size - before);
    if (row !== undefined) this.joined(share, row, nowMs);
    else if (kind === 'duplicate') this.counters.duplicateLabels += 1;
    else if (kind === 'contradiction') this.counters.contradictingLabels += 1;
    else if (kind === 'ambiguous') this.counters.ambiguousLabels += 1;
    return kind;
  }

  /** Labels of the window that wait for a row of this partition are waited for no more: they joined elsewhere. */
  handOver(startMs: number, id: string): void {
    const join = this.share(startMs)?.join;
    const before = join?.size ?? 0;
    join?.forget(id);
    this.options.room.took((join?.size ?? 0) - before);
  }

  /** The judge closed the window: what comes of it from here on is late. */
  close(startMs: number): void {
    const share = this.opened.get(startMs);
    if (share !== undefined) {
      share.close();
      this.opened.delete(startMs);
      this.waiting.set(startMs, share);
    }
    this.closed.set(startMs, false);
    this.closedThrough(startMs + this.options.windowMs);
    if (this.current === share) this.current = undefined;
  }

  /** Windows that end by then are closed, of which there is no share here, too. */
  closedThrough(endMs: number): void {
    this.closedThroughMs = Math.max(this.closedThroughMs, endMs);
  }

  /** The judge judged quality: labels that join from here on are late. */
  judged(startMs: number): void {
    if (this.closed.has(startMs)) this.closed.set(startMs, true);
    const share = this.waiting.get(startMs);
    if (share !== undefined) share.isJudged = true;
  }

  /** The window is over: its labels are waited for no more. What it counted of quality. */
  retire(startMs: number): QualityBucketState[] {
    this.closed.delete(startMs);
    const share = this.waiting.get(startMs);
    if (share === undefined) return [];
    share.isRetired = true;
    if (share.hasAnswerTimes) this.answerTimed -= 1;
    this.counters.unmatchedLabels += share.join.waitingLabels;
    this.options.room.took(-share.join.size);
    this.waiting.delete(startMs);
    if (this.current === share) this.current = undefined;
    return this.quality.take(startMs, startMs + this.options.windowMs);
  }

  state(): PartState {
    return {
      partition: this.partition,
      heard: Object.fromEntries(Object.entries(this.heard).map(([stream, { maxEventMs }]) => [stream, maxEventMs])),
      windows: [...this.waiting.values(), ...this.opened.values()].map((share) => share.state()),
      quality: this.quality.statesBetween(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
      firstRows: this.firstRows.state(),
      counters: this.counters,
    };
  }

  /**
   * Into a fresh part that the judge has told what is closed. What was heard counts as heard now, so that a restart
   * does not take a stream for idle.
   */
  restore(state: PartState, nowMs: number): void {
    for (const [stream, maxEventMs] of Object.entries(state.heard))
      this.heard[stream as Stream] = { maxEventMs, atMs: nowMs };
    this.quality.restore(state.quality);
    for (const saved of state.windows) {
      const share = WindowShare.fromState(saved, this.options.referenceOf);
      share.isJudged = this.closed.get(saved.startMs) ?? false;
      (share.closed ? this.waiting : this.opened).set(share.startMs, share);
      this.options.room.took(share.join.size);
      if (share.hasAnswerTimes) this.answerTimed += 1;
    }
  }

  /** What also holds of a state whose windows cannot be taken over. */
  restoreCounts({ counters }: PartState): void {
    Object.assign(this.counters, counters, { joinedByCohort: { ...counters.joinedByCohort } });
  }

  private hear(stream: Stream, eventMs: number, nowMs: number): void {
    const heard = this.heard[stream];
    if (heard === undefined) {
      this.heard[stream] = { maxEventMs: eventMs, atMs: nowMs };
      return;
    }
    if (eventMs > heard.maxEventMs) heard.maxEventMs = eventMs;
    heard.atMs = nowMs;
  }

  private count(share: WindowShare, message: PredictionMessage, score: number, cohorts: readonly Cohort[]): void {
    this.counters.predictions += 1;
    share.predictions += 1;
    for (const cohort of cohorts) {
      const profile = share.profile(cohort, this.options.referenceOf);
      if (profile === undefined) this.counters.unkeptCohorts += 1;
      else profile.add(message.features, score, message.latencyUs, message.answeredAtMs);
    }
    share.all.add(message.features, score, message.latencyUs, message.answeredAtMs);
  }

  private awaitLabel(share: WindowShare, { id, mark, score, cohorts, eventMs }: AwaitingRow, nowMs: number): void {
    if (!this.options.room.hasOne(nowMs) || share.isRetired) {
      this.counters.unjoinable += 1;
      return;
    }
    const before = share.join.size;
    const joined = share.join.addPrediction(id, score, cohorts, eventMs, mark);
    this.options.room.took(share.join.size - before);
    if (joined !== undefined) this.joined(share, joined, nowMs);
  }

  private joined(share: WindowShare, row: JoinedRow, nowMs: number): void {
    share.labels += 1;
    this.counters.labelsJoined += 1;
    if (share.isJudged) {
      this.counters.lateLabels += 1;
      share.lateLabelAtMs = nowMs;
    }
    for (const cohort of row.cohorts) {
      countJoined(this.counters, cohortKey(cohort));
      this.quality.add(cohort, row.eventTimeMs, row.score, row.label);
    }
  }

  /** The share of the window, opened where it may be; undefined: the window is over, or nobody had a row of it. */
  private shareFor(eventMs: number): WindowShare | undefined {
    const startMs = windowStart(eventMs, this.options.windowMs);
    if (this.current?.startMs === startMs) return this.current;
    const share = this.share(startMs) ?? this.newShare(startMs);
    this.current = share;
    return share;
  }

  private newShare(startMs: number): WindowShare | undefined {
    const isJudged = this.closed.get(startMs);
    if (isJudged === undefined && startMs < this.closedThroughMs) return undefined;
    const share = new WindowShare(startMs);
    if (isJudged === undefined) this.opened.set(startMs, share);
    else {
      share.close();
      share.isJudged = isJudged;
      this.waiting.set(startMs, share);
    }
    return share;
  }

  /** `own`: of the event time that the label names. */
  private shareWith(id: string, own: WindowShare | undefined): WindowShare | undefined {
    if (own?.join.has(id)) return own;
    // A prediction without an event time was filed under the time of its answer. With a label delay of weeks there are
    // thousands of windows: they are gone through only where there are such predictions.
    if (this.answerTimed === 0) return undefined;
    for (const shares of [this.waiting, this.opened])
      for (const share of shares.values()) if (share.hasAnswerTimes && share.join.has(id)) return share;
    return undefined;
  }
}
