// What this process tells on the board of one part of a project that it keeps: the part's counts, and its shares of
// windows that may be judged, which are those that the part itself has passed, or in which nothing comes any more.
// Everything of a part is told at once, so that whoever reads it sees the part as it was at one position.

import type { RolloutLossesMessage } from '@millrace/contracts';
import { cohortKey } from '@millrace/domain';
import { keys, type PartEntry, type ShareCounts, type ShareEntry, type Written } from './board.js';
import type { PartitionPart } from './partition-part.js';
import { STREAMS, type Stream } from './positions.js';
import type { WindowShare } from './window-share.js';

export interface ReportRules {
  project: string;
  of: { createdAtMs: number; windowMs: number; task: string };
  latenessMs: number;
  labelDelayMs: number;
  idleMs: Readonly<Record<Stream, number>>;
}

export interface PartNews {
  entries: Written[];
  /** What labels said of a rollout, where it is new. */
  losses: RolloutLossesMessage | undefined;
  /** A window can be judged by it, or a stream of it holds no watermark any more. */
  isUrgent: boolean;
  /** The broker has them. */
  told(): void;
}

export class PartReport {
  private changes = -1;
  private idle = '';
  /** Of which rollout, and how many labels of it. */
  private losses = '';
  private readonly shares = new Map<number, ShareCounts>();

  /** undefined: nothing has changed. `caughtUpAtMs`: when everything was read that was written. */
  news(
    part: PartitionPart,
    rules: ReportRules,
    readTo: Readonly<Record<Stream, number>>,
    caughtUpAtMs: number,
  ): PartNews | undefined {
    const silentMs = (stream: Stream) => Math.max(0, caughtUpAtMs - (part.heardOf(stream)?.atMs ?? 0));
    const isIdle = (stream: Stream) => part.heardOf(stream) === undefined || silentMs(stream) >= rules.idleMs[stream];
    const idle = STREAMS.map((stream) => (isIdle(stream) ? stream : '')).join();
    const { changes } = part;
    if (changes === this.changes && idle === this.idle) return undefined;
    const { partition } = part;
    const { project, of } = rules;
    const isPast = (stream: Stream, ms: number) =>
      isIdle(stream) || (part.heardOf(stream)?.maxEventMs ?? Number.NEGATIVE_INFINITY) >= ms;
    const changed = [...part.open(), ...part.closedShares()].filter((share) => this.isNew(share));
    const due = changed.filter((share) => {
      const endMs = share.startMs + of.windowMs + rules.latenessMs;
      if (share.closed && this.shares.get(share.startMs)?.open) return true;
      if (!isPast('predictions', endMs)) return false;
      return !share.closed || share.judgedLabels !== undefined || isPast('labels', endMs + rules.labelDelayMs);
    });
    const known = new Set([...part.open(), ...part.closedShares()].map(({ startMs }) => startMs));
    const over = [...this.shares.keys()].filter((startMs) => !known.has(startMs));
    const counted = changed.map((share) => countsOf(share));
    const heard: PartEntry['heard'] = {};
    for (const stream of STREAMS) {
      const last = part.heardOf(stream);
      if (last !== undefined) heard[stream] = { maxEventMs: last.maxEventMs, silentMs: silentMs(stream) };
    }
    const finite = (ms: number) => (Number.isFinite(ms) ? ms : null);
    const entry: PartEntry = {
      ...of,
      readTo: readTo.predictions,
      labelsTo: readTo.labels,
      savedThroughMs: finite(part.savedThroughMs),
      heard,
      counters: part.counters,
      windows: [...[...part.open()].filter((share) => !this.isNew(share)).map((share) => countsOf(share)), ...counted],
      firstRows: part.firstRows.state(),
      readToMs: part.firstRows.readToMs,
      givenUpThroughMs: finite(part.givenUpThroughMs),
      overLabels: part.overLabels(),
    };
    const losses = part.rolloutLosses.state();
    const lossesAt = losses === undefined ? '' : `${losses.fromRevision}/${part.rolloutLosses.labelled}`;
    const { createdAtMs } = of;
    const shares = due.map((share): [number, ShareEntry] => [share.startMs, shareEntry(part, share, of)]);
    return {
      entries: [
        { key: keys.part(project, partition), value: entry },
        ...shares.map(([startMs, value]) => ({ key: keys.share(project, partition, startMs), value })),
        ...over.map((startMs) => ({ key: keys.share(project, partition, startMs), value: null })),
      ],
      losses:
        losses === undefined || lossesAt === this.losses
          ? undefined
          : { project, createdAtMs, partition, entities: [], ...losses },
      isUrgent: due.length > 0 || idle !== this.idle,
      told: () => {
        this.changes = changes;
        this.idle = idle;
        this.losses = lossesAt;
        for (const { startMs, predictions, labels, open } of shares.map(([, share]) => share))
          this.shares.set(startMs, { startMs, predictions, labels, open });
        for (const startMs of over) this.shares.delete(startMs);
      },
    };
  }

  /** What a predecessor told counts as told, so that what is over is taken away. */
  takeOver(shares: ReadonlyMap<number, ShareCounts>): void {
    for (const [startMs, { predictions, labels, open }] of shares)
      this.shares.set(startMs, { startMs, predictions, labels, open });
  }

  private isNew(share: WindowShare): boolean {
    const told = this.shares.get(share.startMs);
    // Of a closed one the profiles go: they are many where labels take long.
    return told?.predictions !== share.predictions || told.labels !== share.labels || told.open === share.closed;
  }
}

function countsOf({ startMs, predictions, labels, closed }: WindowShare): ShareCounts {
  return { startMs, predictions, labels, open: !closed };
}

function shareEntry(part: PartitionPart, share: WindowShare, of: ReportRules['of']): ShareEntry {
  return {
    ...of,
    ...countsOf(share),
    lateLabelAtMs: share.lateLabelAtMs ?? null,
    profiles: share.list().map((profile) => profile.state()),
    rows: share.rows().map(({ cohort, rows: count }) => ({ cohort: cohortKey(cohort), rows: count })),
    quality: part.qualityOf(share.startMs),
  };
}
