// From a batch of decoded messages to their effect: references first, then the state. Beside the reading, in passes one
// after the other: what is due is judged, what was judged and counted is told on the board. Pure but for awaiting its
// ports. Before a window closes the broker is asked where the partitions end: the one that is fetched first must not
// close windows whose rows or labels wait in another one.
//
// What interleaves: batches of different partitions, and a pass, only at the awaits; each message is applied in one go,
// and what a number tells is of one moment, with its positions. What was judged is told together with what the judge
// keeps, in one transaction: once, by one process. Reading waits for a pass only while telling fails, and where more
// windows wait to be judged than READ_AHEAD_WINDOWS (engine.ts): memory is bounded however slow the broker is. A batch
// that is tried again after a failed pass changes nothing more: its positions are known.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { Archive } from '../archive/archive.js';
import type { Engine } from './engine.js';
import type { Stream } from './positions.js';
import type { News, Reports } from './reports.js';

export interface IntakePorts {
  /** Resolves at once where the reference of the version is known. */
  reference(project: string, version: number): Promise<void> | undefined;
  /**
   * In one transaction of the number's writer. Resolves when the broker has it, rejects with `conflict` where another
   * process has taken the number.
   */
  publish(partition: number, news: Pick<News, 'entries' | 'judgements' | 'losses'>): Promise<void>;
  /** Asks the broker where each partition ends now. */
  ends(): Promise<readonly PartitionEnd[]>;
  /** A topic was deleted and created again; its messages count from its beginning on. */
  recreated(stream: Stream, partition: number): void;
  /** The state changed: a checkpoint is due some time. */
  touched(): void;
  /** Something was judged, and told: a checkpoint is due soon. */
  judged(): void;
  /** What is read is archived, whatever the engine does with it. */
  archive: Pick<Archive, 'room' | 'prediction' | 'label' | 'begunAnew'>;
  seen: {
    prediction(message: PredictionMessage): void;
    label(message: LabelMessage): void;
  };
}

export interface PartitionEnd {
  stream: Stream;
  partition: number;
  /** Offset of the next message that will be written. */
  end: number;
}

export interface Positioned<T> {
  /** undefined: the message could not be read; its position is passed all the same. */
  message: T | undefined;
  offset: number;
  /** When it was written. */
  timestampMs: number;
}

/** Numbers that are told of at the same time, each in a transaction of its own. */
const TOLD_AT_ONCE = 8;

export class Intake {
  /** The pass at work. */
  private passing: Promise<void> | undefined;
  /** The one after it, for what came meanwhile. */
  private next: Promise<void> | undefined;
  /** The last pass. */
  private hasFailed = false;

  constructor(
    private readonly engine: Engine,
    private readonly reports: Reports,
    private readonly ports: IntakePorts,
    private readonly clock: Clock,
  ) {}

  /**
   * What the project's task finds wrong about a prediction; undefined where it is good or nobody applied the project.
   */
  predictionFault({ project, outputs }: PredictionMessage): string | undefined {
    return this.engine.monitor(project, this.clock.nowMs())?.task.outputsFault(outputs);
  }

  labelFault({ project, value }: LabelMessage): string | undefined {
    return this.engine.monitor(project, this.clock.nowMs())?.task.labelFault(value);
  }

  async predictions(partition: number, end: number, batch: readonly Positioned<PredictionMessage>[]): Promise<void> {
    const holding = this.reports.holding(partition);
    const { archive } = this.ports;
    await archive.room();
    for (const { message } of batch) {
      if (message === undefined) continue;
      const pending = this.ports.reference(message.project, message.modelVersion);
      if (pending !== undefined) await pending;
    }
    // Another process may have the number by now, or may have had it: then it is read again from elsewhere.
    if (holding === undefined || this.reports.holding(partition) !== holding) return;
    const nowMs = this.clock.nowMs();
    this.arrived('predictions', partition, end, batch);
    for (const { message, offset, timestampMs } of batch) {
      archive.prediction(partition, offset, message, timestampMs);
      if (message === undefined) this.engine.skip('predictions', partition, offset);
      else if (this.engine.applyPrediction(message, partition, offset, nowMs, timestampMs))
        this.ports.seen.prediction(message);
    }
    await this.readOn();
  }

  async labels(partition: number, end: number, batch: readonly Positioned<LabelMessage>[]): Promise<void> {
    const holding = this.reports.holding(partition);
    const { archive } = this.ports;
    await archive.room();
    if (holding === undefined || this.reports.holding(partition) !== holding) return;
    const nowMs = this.clock.nowMs();
    this.arrived('labels', partition, end, batch);
    for (const { message, offset, timestampMs } of batch) {
      archive.label(partition, offset, message, timestampMs);
      if (message === undefined) this.engine.skip('labels', partition, offset);
      else if (this.engine.applyLabel(message, partition, offset, nowMs, timestampMs)) this.ports.seen.label(message);
    }
    await this.readOn();
  }

  /**
   * Judges what is due and tells it; resolves when a pass that began after this call has done so. Also called on a
   * timer, because idle partitions let the watermark pass.
   */
  settle(): Promise<void> {
    this.ports.touched();
    if (this.passing === undefined) return this.begin();
    const afterwards = () => {
      this.next = undefined;
      return this.passing ?? this.begin();
    };
    this.next ??= this.passing.then(afterwards, afterwards);
    return this.next;
  }

  private async readOn(): Promise<void> {
    const settled = this.settle();
    if (this.hasFailed || this.engine.isBehind(this.clock.nowMs())) await settled;
    // The next batch waits for the pass that follows, and says what fails.
    else settled.catch(() => undefined);
  }

  private begin(): Promise<void> {
    const ended = (hasFailed: boolean) => {
      this.hasFailed = hasFailed;
      this.passing = undefined;
    };
    this.passing = this.pass().then(
      () => ended(false),
      (error) => {
        ended(true);
        throw error;
      },
    );
    return this.passing;
  }

  private async pass(): Promise<void> {
    const due = this.engine.due(this.clock.nowMs());
    if (due !== undefined || this.reports.isDue(this.clock.nowMs())) {
      const askedAtMs = this.clock.nowMs();
      for (const { stream, partition, end } of await this.ports.ends())
        this.engine.positions.reaches(stream, partition, end);
      this.reports.endsKnown(askedAtMs);
    }
    if (due !== undefined) {
      if (this.engine.settleReferences(this.clock.nowMs())) await this.tell();
      this.engine.close(this.clock.nowMs(), due);
    }
    await this.tell();
  }

  /** The broker answers an offset that a new topic does not have with its first messages. */
  private arrived(stream: Stream, partition: number, end: number, [first]: readonly Positioned<unknown>[]): void {
    const { positions } = this.engine;
    if (first !== undefined && positions.begunAnew(stream, partition, first.offset, end)) {
      this.ports.archive.begunAnew(stream, partition, first.offset);
      this.ports.recreated(stream, partition);
    }
    positions.reaches(stream, partition, end);
  }

  /** Judges first: a part that knows a window as closed must not be seen before the window is. */
  private async tell(): Promise<void> {
    const { reports } = this;
    const judged = await this.publish((partition) => reports.ofJudges(partition));
    await this.publish((partition) => (reports.isTold() ? reports.ofParts(partition, this.clock.nowMs()) : undefined));
    if (judged) this.ports.judged();
  }

  /** Gives whether something of it was judged. Where one fails the others have come to their end, too. */
  private async publish(newsOf: (partition: number) => News | undefined): Promise<boolean> {
    let judged = false;
    const waiting = this.reports.held();
    const tellOn = async (): Promise<void> => {
      for (let partition = waiting.shift(); partition !== undefined; partition = waiting.shift()) {
        const news = newsOf(partition);
        if (news === undefined) continue;
        await this.ports.publish(partition, news);
        news.told();
        judged ||= news.judgements.length > 0;
      }
    };
    const told = await Promise.allSettled(Array.from({ length: TOLD_AT_ONCE }, tellOn));
    for (const one of told) if (one.status === 'rejected') throw one.reason;
    return judged;
  }
}
