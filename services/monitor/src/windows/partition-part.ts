// What a monitor keeps of one project in one partition number: the predictions and labels of its entities, which share
// key and partition count and so meet here. Its shares of windows that are open or wait for labels, the joins, quality,
// first rows, how far event time has come, counters. It closes nothing by itself: the project's judge, who sees all
// parts, tells it which windows are closed, judged and over. Synchronous and without clock: a batch is applied whole or
// not at all.
//
// Whatever it counts depends on its own partition's messages and on what the judge told, never on who holds the other
// parts: that is what makes the parts' sum the same for any number of processes.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import {
  type ClockRules,
  type Cohort,
  cohortKey,
  EVENT_TIME_AHEAD_MS_MAX,
  EventClock,
  predictionId,
  requestIdOf,
} from '@millrace/domain';
import type { Project } from '@millrace/project';
import { drawnBy, entityBucket, type RolloutDraw } from '@millrace/routing';
import type { JoinedRow } from '../quality/label-join.js';
import { PartLosses, type PartLossesState } from '../quality/part-losses.js';
import { type QualityBucketState, QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import { countJoined, noPartCounters, type PartCounters } from './counters.js';
import { EarlyLabels } from './early-labels.js';
import { OverLabels, type OverLabelsState } from './over-labels.js';
import type { Cut, End, Heard, Part } from './part.js';
import { PartFirstRows, type PartFirstRowsState } from './part-first-rows.js';
import { type Backlog, STREAMS, type Stream } from './positions.js';
import type { RowCohorts } from './row-cohorts.js';
import { markOf } from './row-mark.js';
import type { ModelMetadata } from './sources.js';
import { bucketLength, windowStart } from './window.js';
import { type ReferenceOf, WindowShare, type WindowShareState } from './window-share.js';

/** 4 million rows of windows that wait for labels, as codes; topics have four partitions by default. */
const QUALITY_BYTES_MAX = 16 * 1_048_576;

/** Files of months are answered in minutes: what lies behind the wall clock may be far ahead of the last time. */
const JUMP_MS_MAX = Number.POSITIVE_INFINITY;

export interface PartState {
  partition: number;
  /** Newest event time by stream. */
  heard: Partial<Record<Stream, number>>;
  windows: WindowShareState[];
  quality: QualityBucketState[];
  firstRows: PartFirstRowsState[];
  counters: PartCounters;
  /** Absent in states of a release that did not count them. */
  overLabels?: OverLabelsState;
  /** Absent where no rollout has had a label. */
  rolloutLosses?: PartLossesState | undefined;
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
  /** Rows of a part that wait for labels. */
  joinRowsMax: number;
  /** How far its partitions are read. */
  positions: Pick<Backlog, 'next' | 'log'>;
}

interface AwaitingRow {
  id: string;
  mark: number;
  score: number;
  cohorts: readonly Cohort[];
  eventMs: number;
  draw: RolloutDraw | undefined;
  /** Of what it was drawn by. */
  bucket: number | undefined;
}

export class PartitionPart implements Part {
  readonly counters: PartCounters = noPartCounters();
  givenUpThroughMs = Number.NEGATIVE_INFINITY;
  readonly readTo = undefined;
  readonly labelsTo = undefined;
  savedThroughMs = Number.NEGATIVE_INFINITY;
  /** Grows with all that changes it. */
  changes = 0;
  readonly firstRows: PartFirstRows;
  readonly rolloutLosses = new PartLosses();
  private overLabelled = new OverLabels();
  private readonly early = new EarlyLabels();
  /** Shares in which labels wait; those of which none does any more leave it when they are met. */
  private readonly labelled = new Set<WindowShare>();
  private readonly heard: Partial<Record<Stream, Heard>> = {};
  private readonly clocks: Record<Stream, EventClock> = { predictions: new EventClock(), labels: new EventClock() };
  /** Some requests name an entity: those that name none then say nothing of times that lie ahead. */
  private namesEntities = false;
  /** Of windows that are open. */
  private readonly opened = new Map<number, WindowShare>();
  /** Of windows that are closed, and not over. */
  private readonly waiting = new Map<number, WindowShare>();
  /** Closed windows that are not over, whether there is a share of them or not: labels when quality was judged. */
  private readonly closed = new Map<number, number | undefined>();
  private closedThroughMs = Number.NEGATIVE_INFINITY;
  private readonly counted: QualityHistory;
  /** Windows that are closed at an offset that is not reached yet: what another process has read is read again. */
  private readonly cuts = new Map<number, Cut>();
  /** Windows that are over at offsets that are not reached yet: some of them is read again. */
  private readonly ends = new Map<number, End>();
  private retiredThroughMs = Number.NEGATIVE_INFINITY;
  private joinRows = 0;
  /** Shares that hold predictions without an event time. */
  private answerTimed = 0;
  /** The share of the last message: nearly always that of the next one. */
  private current: WindowShare | undefined;

  constructor(
    readonly partition: number,
    private readonly options: PartOptions,
  ) {
    const { terms, windowMs } = options;
    this.counted = new QualityHistory(terms, bucketLength(windowMs), QUALITY_BYTES_MAX);
    this.firstRows = new PartFirstRows(options.project().monitoring.referenceRows, options.hasOwnReference);
  }

  overLabels(): OverLabelsState {
    return this.overLabelled.state();
  }

  heardOf(stream: Stream): Heard | undefined {
    return this.heard[stream];
  }

  open(): Iterable<WindowShare> {
    return this.opened.values();
  }

  /** Of closed windows that are not over, oldest first. */
  closedShares(): Iterable<WindowShare> {
    return this.waiting.values();
  }

  quality(): Iterable<QualityHistory> {
    return [this.counted];
  }

  /** What was counted of the quality of a window. */
  qualityOf(startMs: number): QualityBucketState[] {
    return this.counted.statesBetween(startMs, startMs + this.options.windowMs);
  }

  waitingLabels(startMs: number): [id: string, label: number][] {
    return this.share(startMs)?.join.waitingList() ?? [];
  }

  share(startMs: number): WindowShare | undefined {
    return this.opened.get(startMs) ?? this.waiting.get(startMs);
  }

  prediction(message: PredictionMessage, offset: number, nowMs: number): void {
    this.changes += 1;
    if (this.cuts.size + this.ends.size > 0) this.applied(offset, this.next('labels'));
    const eventMs = message.eventTimeMs > 0 ? message.eventTimeMs : message.answeredAtMs;
    if (message.role !== 'live') {
      this.counters.shadowPredictions += 1;
      return;
    }
    if (eventMs > nowMs + EVENT_TIME_AHEAD_MS_MAX) {
      this.counters.futurePredictions += 1;
      return;
    }
    const { entity } = message;
    if (
      this.hear('predictions', entity || (this.namesEntities ? '' : requestIdOf(message.predictionId)), eventMs, nowMs)
    )
      this.namesEntities ||= entity !== '';
    const { terms, metadata, rowCohorts } = this.options;
    const score = terms.task.scoreOf(message.outputs);
    this.firstRows.see(message, score, metadata.inputsWithoutReference(message.project, message.modelVersion));
    const share = this.isPastEnd(eventMs, 'predictions', offset) ? undefined : this.shareFor(eventMs);
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
      this.awaitLabel(
        share,
        { id: message.predictionId, mark, score, cohorts, eventMs, ...this.drawOf(message) },
        nowMs,
      );
  }

  /** A label of this partition, whose row may be elsewhere (`holds`). Gives that row's id; undefined: it is of none. */
  label(message: LabelMessage, offset: number, nowMs: number): string | undefined {
    this.changes += 1;
    if (this.ends.size > 0) this.applied(this.next('predictions'), offset);
    this.counters.labels += 1;
    const { label } = this.options.project().data;
    if (label === undefined) {
      // Of a time when the project had one: it joins nothing and holds no window.
      this.counters.unmatchedLabels += 1;
      return undefined;
    }
    const knownMs = message.knownAtMs > 0 ? message.knownAtMs : message.eventTimeMs + label.delayMs;
    if (knownMs <= nowMs + EVENT_TIME_AHEAD_MS_MAX)
      this.hear('labels', message.entity || message.recordId || message.predictionId, knownMs, nowMs);
    // Where the client named no prediction, its request id is taken to be the record's id (row 0).
    const id = message.predictionId === '' ? predictionId(message.recordId, 0) : message.predictionId;
    if (!this.isPastEnd(message.eventTimeMs, 'labels', offset)) return id;
    this.unmatched(id, message.value, message.eventTimeMs);
    return undefined;
  }

  /** Whether the row of a label is here. `eventMs`: that the label names. */
  holds(id: string, eventMs: number): boolean {
    return this.shareWith(id, this.share(windowStart(eventMs, this.options.windowMs))) !== undefined;
  }

  /** Joins the label with its row, or keeps it until the row comes. `ofRecord`: it names a record and no prediction. */
  join(id: string, value: number, eventMs: number, nowMs: number, ofRecord = false): void {
    const startMs = windowStart(eventMs, this.options.windowMs);
    // A closed window of which no row is here joins none, unless its rows are being read again.
    const isOver = this.closed.has(startMs) && !this.cuts.has(startMs);
    const own = isOver ? this.waiting.get(startMs) : this.shareFor(eventMs);
    const share = this.shareWith(id, own) ?? own;
    const isLost = share === undefined || (share.closed && !share.join.has(id));
    if (isLost || !this.hasJoinRoom() || share.givenUp) {
      this.unmatched(id, value, eventMs);
      return;
    }
    this.changes += 1;
    const before = share.join.size;
    const { kind, row } = share.join.addLabel(id, value, ofRecord);
    if (kind === 'waiting') this.labelled.add(share);
    this.joinRows += share.join.size - before;
    if (row !== undefined) this.joined(share, row, nowMs);
    else if (kind === 'duplicate') this.counters.duplicateLabels += 1;
    else if (kind === 'contradiction') this.counters.contradictingLabels += 1;
    else if (kind === 'ambiguous') this.counters.ambiguousLabels += 1;
  }

  /** A label that came before its prediction, which names no event time; it waits here no longer. */
  takeLabel(id: string): number | undefined {
    for (const share of this.labelled) {
      if (share.join.waitingLabels === 0) this.labelled.delete(share);
      const label = share.join.waitingLabel(id);
      if (label === undefined) continue;
      this.forgetLabel(share, id);
      return label;
    }
    const label = this.early.take(id);
    if (label !== undefined) this.counters.unmatchedLabels -= 1;
    return label;
  }

  /** A label that waits for a row of this partition joined elsewhere. */
  handOver(startMs: number, id: string): void {
    const share = this.share(startMs);
    if (share !== undefined) this.forgetLabel(share, id);
  }

  /** What comes of the window from here on, or at the cut and after it, is late. */
  close(startMs: number, cut: Cut | undefined): void {
    if (this.closed.has(startMs)) return;
    this.changes += 1;
    this.closed.set(startMs, undefined);
    this.closedThroughMs = Math.max(this.closedThroughMs, startMs + this.options.windowMs);
    const share = this.opened.get(startMs);
    if (cut !== undefined && (share?.predictions ?? 0) < cut.rows && !this.isOfFormerLog(cut))
      this.cuts.set(startMs, cut);
    else this.closeShare(startMs, cut?.rows);
  }

  /** Messages before these offsets are applied: windows that are closed or over there are so now. */
  applied(predictions: number, labels: number): void {
    for (const [startMs, cut] of this.cuts)
      if (predictions >= cut.offset || this.isOfFormerLog(cut)) this.closeShare(startMs, cut.rows);
    for (const [startMs, end] of this.ends) if (this.isPast(end, { predictions, labels })) this.retire(startMs);
  }

  closedThrough(endMs: number, overMs: number): void {
    this.closedThroughMs = Math.max(this.closedThroughMs, endMs);
    this.retiredThroughMs = Math.max(this.retiredThroughMs, overMs);
    this.retireUnknown();
  }

  over(startMs: number, cut: Cut | undefined, labels: number | undefined, end: End): void {
    const [predictions, labelsTo] = [this.next('predictions'), this.next('labels')];
    const isPast = this.isPast(end, { predictions, labels: labelsTo });
    if (isPast && !this.closed.has(startMs) && this.share(startMs) === undefined) return;
    this.close(startMs, cut);
    if (labels !== undefined) this.judged(startMs, labels);
    if (isPast) {
      this.applied(predictions, labelsTo);
      this.retire(startMs);
    } else {
      this.ends.set(startMs, end);
      // Its judge has it.
      this.counted.take(startMs, startMs + this.options.windowMs);
    }
  }

  /** Windows that end by then are over here, and all that came of them is counted. */
  get overThroughMs(): number {
    return Math.min(this.retiredThroughMs, ...this.ends.keys());
  }

  /** A successor finds it so: windows that end by then are over in it. */
  saved(overThroughMs: number): void {
    if (overThroughMs <= this.savedThroughMs) return;
    this.savedThroughMs = overThroughMs;
    this.changes += 1;
  }

  judged(startMs: number, labels: number): void {
    if (!this.closed.has(startMs) || this.closed.get(startMs) !== undefined) return;
    this.closed.set(startMs, labels);
    const share = this.share(startMs);
    if (share === undefined) return;
    share.judgedLabels = labels;
    this.counters.lateLabels += Math.max(0, share.labels - labels);
  }

  retire(startMs: number): QualityBucketState[] {
    this.changes += 1;
    this.closeShare(startMs, undefined);
    this.closed.delete(startMs);
    this.ends.delete(startMs);
    const share = this.waiting.get(startMs);
    if (share === undefined) return [];
    if (share.hasAnswerTimes) this.answerTimed -= 1;
    this.counters.unmatchedLabels += share.join.waitingLabels;
    this.overLabelled.add(startMs, share.join.waitingLabels);
    this.joinRows -= share.join.size;
    this.labelled.delete(share);
    this.waiting.delete(startMs);
    if (this.current === share) this.current = undefined;
    return this.counted.take(startMs, startMs + this.options.windowMs);
  }

  state(): PartState {
    return {
      ...this.head(),
      windows: this.shares().map((share) => share.state()),
      quality: this.counted.statesBetween(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    };
  }

  /** Of all windows, oldest first where they are closed. */
  shares(): WindowShare[] {
    return [...this.waiting.values(), ...this.opened.values()];
  }

  /** What is of no window. */
  head(): Omit<PartState, 'windows' | 'quality'> {
    return {
      partition: this.partition,
      heard: Object.fromEntries(Object.entries(this.heard).map(([stream, { maxEventMs }]) => [stream, maxEventMs])),
      firstRows: this.firstRows.state(),
      counters: this.counters,
      overLabels: this.overLabelled.state(),
      rolloutLosses: this.rolloutLosses.state(),
    };
  }

  /**
   * Into a fresh part that the judge has told what is closed. What was heard counts as heard now, so that a restart
   * does not take a stream for idle.
   */
  restore(state: PartState, nowMs: number): void {
    for (const [stream, maxEventMs] of Object.entries(state.heard)) {
      this.heard[stream as Stream] = { maxEventMs, atMs: nowMs };
      this.clocks[stream as Stream] = new EventClock(maxEventMs, nowMs);
    }
    this.counted.restore(state.quality);
    // Of windows that are over their judge has it.
    for (const startMs of this.ends.keys()) this.counted.take(startMs, startMs + this.options.windowMs);
    this.overLabelled = new OverLabels(state.overLabels);
    if (state.rolloutLosses !== undefined) this.rolloutLosses.restore(state.rolloutLosses);
    for (const saved of state.windows) {
      const share = WindowShare.fromState(saved, this.options.referenceOf);
      share.judgedLabels = this.closed.get(saved.startMs);
      (share.closed ? this.waiting : this.opened).set(share.startMs, share);
      if (share.givenUp) this.givenUpThroughMs = Math.max(this.givenUpThroughMs, share.startMs);
      this.joinRows += share.join.size;
      if (share.join.waitingLabels > 0) this.labelled.add(share);
      if (share.hasAnswerTimes) this.answerTimed += 1;
    }
    // Read up to the cut when it was saved.
    for (const [startMs, { rows }] of this.cuts)
      if (this.waiting.has(startMs) || (this.opened.get(startMs)?.predictions ?? 0) >= rows)
        this.closeShare(startMs, rows);
    for (const startMs of this.waiting.keys()) if (!this.closed.has(startMs)) this.retire(startMs);
    this.retireUnknown();
  }

  /** What also holds of a state whose windows cannot be taken over. */
  restoreCounts({ counters }: PartState): void {
    Object.assign(this.counters, counters, { joinedByCohort: { ...counters.joinedByCohort } });
  }

  /** What was before it is not read again: its topic is gone. */
  private isOfFormerLog({ log = 0 }: Cut): boolean {
    return log < this.options.positions.log('predictions', this.partition);
  }

  private next(stream: Stream): number {
    return this.options.positions.next(stream, this.partition);
  }

  /** Everything that came of the window before it was over is applied. */
  private isPast(end: End, next: Readonly<Record<Stream, number>>): boolean {
    const { positions } = this.options;
    return STREAMS.every(
      (stream) => positions.log(stream, this.partition) > (end.logs[stream] ?? 0) || next[stream] >= end[stream],
    );
  }

  /** Of one stream, while the other one is read again. */
  private isPastEnd(eventMs: number, stream: Stream, offset: number): boolean {
    const end = this.ends.size === 0 ? undefined : this.ends.get(windowStart(eventMs, this.options.windowMs));
    return end !== undefined && offset >= end[stream];
  }

  /** Closed and over in one step of the judge, or long ago: nobody says more of them. */
  private retireUnknown(): void {
    for (const startMs of [...this.opened.keys()])
      if (startMs + this.options.windowMs <= this.closedThroughMs && !this.closed.has(startMs)) this.retire(startMs);
  }

  private unmatched(id: string, value: number, eventMs: number): void {
    this.counters.unmatchedLabels += 1;
    this.overLabelled.add(windowStart(eventMs, this.options.windowMs));
    this.early.add(id, value);
    this.changes += 1;
  }

  private forgetLabel(share: WindowShare, id: string): void {
    const before = share.join.size;
    share.join.forget(id);
    this.joinRows += share.join.size - before;
    this.changes += 1;
  }

  /** `judgedRows`: those that were judged; more were counted before it was known that the window is closed. */
  private closeShare(startMs: number, judgedRows: number | undefined): void {
    this.cuts.delete(startMs);
    const share = this.opened.get(startMs);
    if (share === undefined) return;
    const late = judgedRows === undefined ? 0 : share.predictions - judgedRows;
    this.counters.predictions -= late;
    this.counters.latePredictions += late;
    share.close();
    this.opened.delete(startMs);
    this.waiting.set(startMs, share);
    if (this.current === share) this.current = undefined;
  }

  /** Gives the rows of the oldest closed windows up, where there are too many; false where that does not help. */
  private hasJoinRoom(): boolean {
    if (this.joinRows < this.options.joinRowsMax) return true;
    for (const share of this.waiting.values()) {
      this.joinRows -= share.join.size;
      this.counters.unmatchedLabels += share.join.waitingLabels;
      this.overLabelled.add(share.startMs, share.join.waitingLabels);
      if (share.join.size > 0) share.giveUp();
      this.givenUpThroughMs = Math.max(this.givenUpThroughMs, share.startMs);
      if (this.joinRows < this.options.joinRowsMax) return true;
    }
    return false;
  }

  /** False where the time is doubted: one wrong clock must not close the windows that all others are in. */
  private hear(stream: Stream, said: string, eventMs: number, nowMs: number): boolean {
    const clock = this.clocks[stream];
    const rules: ClockRules = { aheadMs: this.options.project().data.clock.aheadMs, jumpMs: JUMP_MS_MAX };
    // Whom nobody knows may be the one whose clock is wrong: it confirms no time that lies ahead.
    const isHeard = said !== '' || eventMs <= Math.max(clock.reachedMs, nowMs + rules.aheadMs);
    const isBelieved = isHeard && clock.observe(said, eventMs, nowMs, rules);
    if (!isBelieved) this.counters.doubtedTimes += 1;
    // Whose every time is doubted is silent: it holds no window back.
    const { reachedMs } = clock;
    const heard = this.heard[stream];
    if (heard === undefined) {
      if (reachedMs > Number.NEGATIVE_INFINITY) this.heard[stream] = { maxEventMs: reachedMs, atMs: nowMs };
    } else if (isBelieved || reachedMs > heard.maxEventMs) {
      heard.maxEventMs = reachedMs;
      heard.atMs = nowMs;
    }
    return isBelieved;
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

  private awaitLabel(
    share: WindowShare,
    { id, mark, score, cohorts, eventMs, draw, bucket }: AwaitingRow,
    nowMs: number,
  ): void {
    if (!this.hasJoinRoom() || share.givenUp) {
      this.counters.unjoinable += 1;
      return;
    }
    const before = share.join.size;
    const joined = share.join.addPrediction(id, score, cohorts, eventMs, { mark, draw, bucket });
    this.joinRows += share.join.size - before;
    if (joined !== undefined) this.joined(share, joined, nowMs);
  }

  private joined(share: WindowShare, row: JoinedRow, nowMs: number): void {
    share.labels += 1;
    this.counters.labelsJoined += 1;
    if (share.judgedLabels !== undefined && share.labels > share.judgedLabels) {
      this.counters.lateLabels += 1;
      share.lateLabelAtMs = nowMs;
    }
    this.countLoss(row);
    const isOver = this.ends.has(share.startMs);
    for (const cohort of row.cohorts) {
      countJoined(this.counters, cohortKey(cohort));
      if (!isOver) this.counted.add(cohort, row.eventTimeMs, row.score, row.label);
    }
  }

  /**
   * The rollout or experiment that a row's version was drawn in, and the bucket of its entity: experiments keep an
   * entity with its arm whatever `rollout.sticky` says, and where requests are drawn one by one it only errs on the
   * side of waiting.
   */
  private drawOf({ draw, entity, predictionId }: PredictionMessage): Pick<AwaitingRow, 'draw' | 'bucket'> {
    if (draw === undefined) return { draw, bucket: undefined };
    return { draw, bucket: entityBucket(drawnBy(true, entity, requestIdOf(predictionId))) };
  }

  /** The first cohort of a row is that of its version. */
  private countLoss({ draw, bucket, cohorts: [ofVersion], score, label }: JoinedRow): void {
    if (draw === undefined || ofVersion === undefined || ofVersion.version === 'all') return;
    const loss = this.options.terms.lossOf(score, label);
    if (loss !== undefined) this.rolloutLosses.add(draw, ofVersion.version, loss, bucket);
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
    const isClosed = this.closed.has(startMs);
    if (!isClosed && startMs < this.closedThroughMs) return undefined;
    const share = new WindowShare(startMs);
    share.judgedLabels = this.closed.get(startMs);
    if (!isClosed || this.cuts.has(startMs)) this.opened.set(startMs, share);
    else {
      share.close();
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
