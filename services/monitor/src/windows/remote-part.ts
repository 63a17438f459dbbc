// A part that another process keeps, as it stands on the board: what its holder has published, and no more.

import { parseCohortKey } from '@millrace/domain';
import { type QualityBucketState, QualityHistory } from '../quality/quality-history.js';
import type { TaskTerms } from '../quality/task-terms.js';
import type { Board, PartEntry, ShareEntry } from './board.js';
import { noPartCounters, type PartCounters } from './counters.js';
import { FirstRows } from './first-rows.js';
import type { OverLabelsState } from './over-labels.js';
import type { Heard, Part, Share } from './part.js';
import type { Stream } from './positions.js';
import { CohortProfile } from './profile.js';
import type { ReferenceOf } from './window-share.js';

export interface RemoteOptions {
  project: string;
  board: Board;
  createdAtMs: number;
  windowMs: number;
  terms: TaskTerms;
  bucketMs: number;
  referenceOf: ReferenceOf;
  /** The judge has retired the window: what is still told of it counts no more. */
  isOver(startMs: number): boolean;
  nowMs(): number;
}

export class RemotePart implements Part {
  private readonly histories = new WeakMap<ShareEntry, QualityHistory>();

  constructor(
    readonly partition: number,
    private readonly options: RemoteOptions,
  ) {}

  get readTo(): number | undefined {
    return this.entry?.readTo;
  }

  get labelsTo(): number | undefined {
    return this.entry?.labelsTo;
  }

  get savedThroughMs(): number {
    return this.entry?.savedThroughMs ?? Number.NEGATIVE_INFINITY;
  }

  get counters(): PartCounters {
    return this.entry?.counters ?? noPartCounters();
  }

  get givenUpThroughMs(): number {
    return this.entry?.givenUpThroughMs ?? Number.NEGATIVE_INFINITY;
  }

  get firstRows(): Part['firstRows'] {
    const { firstRows = [], readToMs = 0 } = this.entry ?? {};
    return {
      readToMs,
      versions: () => firstRows.map(({ version }) => version),
      of: (version) => {
        const own = firstRows.find((collected) => collected.version === version);
        return own && { inputs: own.inputs, rows: new FirstRows(own.rows.length, [...own.rows]) };
      },
      forget: () => undefined,
    };
  }

  overLabels(): OverLabelsState {
    return this.entry?.overLabels ?? [];
  }

  /** Of silence only what its holder has found out, by reading to the end. */
  heardOf(stream: Stream): Heard | undefined {
    const heard = this.entry?.heard[stream];
    return heard && { maxEventMs: heard.maxEventMs, atMs: this.options.nowMs() - heard.silentMs };
  }

  open(): Iterable<{ startMs: number }> {
    return (this.entry?.windows ?? []).filter(({ open }) => open);
  }

  share(startMs: number): Share | undefined {
    const counted = this.entry?.windows.find((share) => share.startMs === startMs);
    const told = this.told(startMs);
    if (told === undefined) return counted && { ...NOTHING_TOLD, ...counted };
    const { predictions, labels } = counted ?? told;
    return {
      ...{ startMs, predictions, labels, lateLabelAtMs: told.lateLabelAtMs ?? undefined },
      isCurrent: predictions === told.predictions && labels === told.labels,
      list: () => {
        return told.profiles.flatMap((state) => {
          const cohort = parseCohortKey(state.cohort);
          return cohort === undefined
            ? []
            : CohortProfile.fromState(cohort, state, this.options.referenceOf(cohort.version));
        });
      },
      rows: () =>
        told.rows.flatMap(({ cohort: key, rows }) => {
          const cohort = parseCohortKey(key);
          return cohort === undefined ? [] : { cohort, rows };
        }),
    };
  }

  *quality(): Iterable<QualityHistory> {
    const { project, board } = this.options;
    for (const entry of board.sharesOf(project, this.partition).values())
      if (this.isOfThis(entry) && !this.options.isOver(entry.startMs)) yield this.history(entry);
  }

  waitingLabels(): [] {
    return [];
  }

  holds(): boolean {
    return false;
  }

  join(): void {}

  handOver(): void {}

  close(): void {}

  closedThrough(): void {}

  over(): void {}

  judged(): void {}

  retire(startMs: number): QualityBucketState[] {
    return this.told(startMs)?.quality ?? [];
  }

  private get entry(): PartEntry | undefined {
    const { project, board } = this.options;
    const told = board.part(project, this.partition)?.entry;
    return told !== undefined && this.isOfThis(told) ? told : undefined;
  }

  private told(startMs: number): ShareEntry | undefined {
    const { project, board } = this.options;
    const told = board.share(project, this.partition, startMs);
    return told !== undefined && this.isOfThis(told) ? told : undefined;
  }

  private isOfThis({ createdAtMs, windowMs, task }: Pick<PartEntry, 'createdAtMs' | 'windowMs' | 'task'>): boolean {
    const { options } = this;
    return createdAtMs === options.createdAtMs && windowMs === options.windowMs && task === options.terms.task.kind;
  }

  private history(entry: ShareEntry): QualityHistory {
    let history = this.histories.get(entry);
    if (history === undefined) {
      history = new QualityHistory(this.options.terms, this.options.bucketMs);
      history.restore(entry.quality);
      this.histories.set(entry, history);
    }
    return history;
  }
}

const NOTHING_TOLD = {
  isCurrent: false,
  lateLabelAtMs: undefined,
  list: () => [],
  rows: () => [],
};
