// The open dataset versions of one project's live stream, as a pure state machine. Records go into the version of their
// event-time span [k·span, (k+1)·span), labels join by record id; a span closes when the watermark passes its end plus
// the label's delay plus an allowance. Spans close in order; one without rows makes no version.
//
// Late rows (their span closed) go into the earliest open span. Whether such a row is late or was read before is the
// caller's question to the closed versions (VersionHistory); within open and closing spans ids are known here.
// Of two records with one id the first counts. Of two labels of one record the one that became known later counts, then
// the greater one, so that the order of arrival does not matter.
//
// Commit floor: every span remembers the first offset of each partition that it holds a row or label of. Committed
// offsets must not pass the floor, then a killed process finds all rows of its open versions again.
//
// Bounds: `rowsMax` open rows over all spans (then the caller closes the oldest span early), `pendingLabelsMax` labels
// that wait for their record (then the oldest is dropped and counted).

import type { LabelMessage, OffsetRange, RecordMessage } from '@millrace/contracts';

export interface LiveRow {
  record: RecordMessage;
  label: number | null;
  labelKnownAtMs: number;
}

/** Where a message stood: topic without prefix, partition, offset. */
export interface Position {
  topic: string;
  partition: number;
  offset: number;
}

interface Span {
  startMs: number;
  rows: Map<string, LiveRow>;
  /** Labels whose record has not come yet, by record id. */
  pending: Map<string, { label: LabelMessage; position: Position }>;
  /** By "topic/partition". */
  offsets: Map<string, OffsetRange>;
  closing: boolean;
}

export interface ClosingSpan {
  startMs: number;
  endMs: number;
  rows: readonly LiveRow[];
  offsets: readonly OffsetRange[];
}

export interface LiveBounds {
  rowsMax: number;
  pendingLabelsMax: number;
}

export type Placed = 'added' | 'duplicate' | 'closed';
export type Joined = 'joined' | 'waiting' | 'repeated';

export class LiveVersions {
  private readonly spans = new Map<number, Span>();
  private readonly rowById = new Map<string, { row: LiveRow; span: Span }>();
  private pendingLabels = 0;
  /** Spans that end here or before are closed. */
  private closedThroughMs: number;
  /** Labels that never met a record: their version had closed, or the record never came. */
  unmatchedLabels = 0;
  lateRows = 0;
  /** Open rows that have their label. */
  openLabelledRows = 0;

  constructor(
    private readonly spanMs: number,
    /** Label delay plus allowance. */
    private readonly holdMs: number,
    private readonly bounds: LiveBounds,
    closedThroughMs = Number.NEGATIVE_INFINITY,
  ) {
    this.closedThroughMs = closedThroughMs;
  }

  get openRows(): number {
    return this.rowById.size;
  }

  get full(): boolean {
    return this.rowById.size >= this.bounds.rowsMax;
  }

  /** `closed` means: the span is closed, ask the history and call `addLate` when the row is new. */
  add(record: RecordMessage, position: Position): Placed {
    if (this.rowById.has(record.recordId)) return 'duplicate';
    const startMs = this.startOf(record.eventTimeMs);
    if (this.isClosed(startMs)) return 'closed';
    this.place(this.spanAt(startMs), record, position);
    return 'added';
  }

  addLate(record: RecordMessage, position: Position): void {
    this.lateRows += 1;
    this.place(this.earliestOpen(), record, position);
  }

  addLabel(label: LabelMessage, position: Position): Joined {
    const known = this.rowById.get(label.recordId);
    if (known !== undefined && !known.span.closing) {
      const repeated = known.row.label !== null;
      this.join(known.row, label);
      this.touch(known.span, position);
      return repeated ? 'repeated' : 'joined';
    }
    const startMs = this.startOf(label.eventTimeMs);
    const span = this.isClosed(startMs) ? this.earliestOpen() : this.spanAt(startMs);
    const waiting = span.pending.get(label.recordId);
    if (waiting === undefined || wins(label, waiting.label)) span.pending.set(label.recordId, { label, position });
    if (waiting === undefined) this.pendingLabels += 1;
    this.touch(span, position);
    if (this.pendingLabels > this.bounds.pendingLabelsMax) this.dropOldestPending();
    return 'waiting';
  }

  /** Start times of the spans that the watermark closes, oldest first. */
  due(watermarkMs: number): number[] {
    const starts: number[] = [];
    for (const span of this.spans.values()) {
      if (!span.closing && span.startMs + this.spanMs + this.holdMs <= watermarkMs) starts.push(span.startMs);
    }
    return starts.sort((a, b) => a - b);
  }

  /** The oldest open span, to be closed early when rows are at their bound. */
  oldest(): number | null {
    let oldest: number | null = null;
    for (const span of this.spans.values()) {
      if (!span.closing && span.rows.size > 0 && (oldest === null || span.startMs < oldest)) oldest = span.startMs;
    }
    return oldest;
  }

  /** All spans that hold rows, oldest first (a person asks to close them now). */
  openSpans(): number[] {
    return [...this.spans.values()]
      .filter((span) => !span.closing && span.rows.size > 0)
      .map((span) => span.startMs)
      .sort((a, b) => a - b);
  }

  /** From here on the span takes no rows; its rows are handed out for writing. */
  beginClose(startMs: number): ClosingSpan {
    const span = this.spanAt(startMs);
    span.closing = true;
    this.closedThroughMs = Math.max(this.closedThroughMs, startMs + this.spanMs);
    // Older spans without rows hold labels whose record never came; one with rows waits for its retry.
    for (const older of [...this.spans.values()]) {
      if (older.startMs < startMs && !older.closing && older.rows.size === 0) this.letGo(older);
    }
    return {
      startMs,
      endMs: startMs + this.spanMs,
      rows: [...span.rows.values()],
      offsets: [...span.offsets.values()],
    };
  }

  /** The version is written and announced: rows are let go and no longer hold the floor. */
  endClose(startMs: number): void {
    const span = this.spans.get(startMs);
    if (span === undefined) return;
    for (const [id, row] of span.rows) {
      this.rowById.delete(id);
      if (row.label !== null) this.openLabelledRows -= 1;
    }
    this.unmatchedLabels += span.pending.size;
    this.pendingLabels -= span.pending.size;
    this.spans.delete(startMs);
  }

  /** The span could not be written: it stays open for the next try (it takes no new rows meanwhile). */
  retryClose(startMs: number): void {
    const span = this.spans.get(startMs);
    if (span !== undefined) span.closing = false;
  }

  /** The first offset of the partition that an open version needs; null when none does. */
  floor(topic: string, partition: number): number | null {
    const key = `${topic}/${partition}`;
    let floor: number | null = null;
    for (const span of this.spans.values()) {
      const range = span.offsets.get(key);
      if (range !== undefined && (floor === null || range.first < floor)) floor = range.first;
    }
    return floor;
  }

  private startOf(eventTimeMs: number): number {
    return Math.floor(eventTimeMs / this.spanMs) * this.spanMs;
  }

  private isClosed(startMs: number): boolean {
    return startMs + this.spanMs <= this.closedThroughMs;
  }

  private spanAt(startMs: number): Span {
    let span = this.spans.get(startMs);
    if (span === undefined) {
      span = { startMs, rows: new Map(), pending: new Map(), offsets: new Map(), closing: false };
      this.spans.set(startMs, span);
    }
    return span;
  }

  /** The earliest span that is open already, else the first one after the closed ones. */
  private earliestOpen(): Span {
    let earliest: Span | null = null;
    for (const span of this.spans.values()) {
      if (span.closing || this.isClosed(span.startMs)) continue;
      if (earliest === null || span.startMs < earliest.startMs) earliest = span;
    }
    return earliest ?? this.spanAt(Math.ceil(this.closedThroughMs / this.spanMs) * this.spanMs);
  }

  private place(span: Span, record: RecordMessage, position: Position): void {
    const row: LiveRow = { record, label: null, labelKnownAtMs: Number.NEGATIVE_INFINITY };
    span.rows.set(record.recordId, row);
    this.rowById.set(record.recordId, { row, span });
    this.touch(span, position);
    // A label that came first may wait in this span or, for a late row, in the earliest open one at its arrival.
    for (const holder of this.spans.values()) {
      const waiting = holder.pending.get(record.recordId);
      if (waiting === undefined) continue;
      holder.pending.delete(record.recordId);
      this.pendingLabels -= 1;
      this.join(row, waiting.label);
      this.touch(span, waiting.position);
    }
  }

  private join(row: LiveRow, label: LabelMessage): void {
    const newer = label.knownAtMs > row.labelKnownAtMs;
    const tied = label.knownAtMs === row.labelKnownAtMs && row.label !== null && label.value > row.label;
    if (row.label !== null && !newer && !tied) return;
    if (row.label === null) this.openLabelledRows += 1;
    row.label = label.value;
    row.labelKnownAtMs = label.knownAtMs;
  }

  private touch(span: Span, { topic, partition, offset }: Position): void {
    const key = `${topic}/${partition}`;
    const range = span.offsets.get(key);
    if (range === undefined) span.offsets.set(key, { topic, partition, first: offset, last: offset });
    else {
      if (offset < range.first) range.first = offset;
      if (offset > range.last) range.last = offset;
    }
  }

  private letGo(span: Span): void {
    this.unmatchedLabels += span.pending.size;
    this.pendingLabels -= span.pending.size;
    this.spans.delete(span.startMs);
  }

  private dropOldestPending(): void {
    for (const span of [...this.spans.values()].sort((a, b) => a.startMs - b.startMs)) {
      const first = span.pending.keys().next();
      if (first.done) continue;
      span.pending.delete(first.value);
      this.pendingLabels -= 1;
      this.unmatchedLabels += 1;
      return;
    }
  }
}

function wins(a: LabelMessage, b: LabelMessage): boolean {
  return a.knownAtMs > b.knownAtMs || (a.knownAtMs === b.knownAtMs && a.value > b.value);
}
