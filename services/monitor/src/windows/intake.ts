// From a batch of decoded messages to their effect: references first, then the state, then what is judged and counted
// is told on the board, then a checkpoint. Pure but for awaiting its ports. Before a window closes the broker is asked
// where the partitions end: the one that is fetched first must not close windows whose rows or labels wait in another
// one.
//
// What interleaves: batches of different partitions, only at the awaits; each message is applied in one go. A batch
// that is tried again after a failed publication changes nothing more: its positions are known. What was judged is
// told together with what the judge keeps, in one transaction: once, by one process.

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
  publish(partition: number, news: Pick<News, 'entries' | 'judgements'>): Promise<void>;
  /** Asks the broker where each partition ends now. */
  ends(): Promise<readonly PartitionEnd[]>;
  /** A topic was deleted and created again; its messages count from its beginning on. */
  recreated(stream: Stream, partition: number): void;
  /** The state changed: a checkpoint is due some time. */
  touched(): void;
  /** A window closed, or a reference became complete: a checkpoint is due now. */
  checkpoint(): Promise<void>;
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

export class Intake {
  private telling: Promise<void> | undefined;

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
    await this.settle();
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
    await this.settle();
  }

  /** Judges what is due and tells it; also called on a timer, because idle partitions let the watermark pass. */
  async settle(): Promise<void> {
    this.ports.touched();
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

  private async tell(): Promise<void> {
    this.telling ??= this.tellAll().finally(() => {
      this.telling = undefined;
    });
    await this.telling;
  }

  private async tellAll(): Promise<void> {
    let judged = false;
    const tell = async (partition: number, news: News | undefined): Promise<void> => {
      if (news === undefined) return;
      await this.ports.publish(partition, news);
      news.told();
      judged ||= news.judgements.length > 0;
    };
    const { reports } = this;
    for (const partition of reports.held()) await tell(partition, reports.ofJudges(partition));
    for (const partition of reports.held())
      if (reports.isTold()) await tell(partition, reports.ofParts(partition, this.clock.nowMs()));
    if (judged) await this.ports.checkpoint();
  }
}
