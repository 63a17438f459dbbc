// Reads records.v1 and labels.v1 into open dataset versions and closes them as the watermark goes on. Handlers of the
// partitions may interleave; state changes run one after the other, writing of closed versions beside them.
//
// What commits when: a handler returns the next offset that may be committed: behind every row of a closed version,
// before the first row of an open one, and never past what the counters have stored.

import type { LabelMessage, Reason, RecordMessage } from '@millrace/contracts';
import { type Clock, PlatformError, requestIdOf, Watermark } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { checkedRecord } from '../records/checked-record.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { Counters } from './counters.js';
import type { DatasetIndex } from './dataset-index.js';
import { type LiveBounds, LiveVersions, type Position } from './live-versions.js';
import type { VersionCloser } from './version-closer.js';
import type { VersionHistory } from './version-history.js';

/** A message of a partition. */
export interface LogMessage<T> {
  readonly offset: number;
  /** When it was written. */
  readonly timestampMs: number;
  /** undefined: it could not be decoded; its position is passed all the same. */
  readonly message: T | undefined;
}

export interface BadMessage {
  offset: number;
  project: string;
  reasons: readonly Reason[];
}

export interface BatchOutcome {
  bad: BadMessage[];
  /** The first offset to read after a restart; 0 = nothing may be committed yet. */
  nextOffset: number;
}

export interface LiveSettings extends LiveBounds {
  /** Beyond the label's delay, before a span closes. */
  allowanceMs: number;
  idleAfterMs: number;
  /** Pause before a version that could not be written is tried again. */
  retryAfterMs: number;
}

export interface LiveReports {
  closed(project: string, rows: number, tookMs: number): void;
  failed(project: string, error: PlatformError): void;
  lateRows(project: string, rows: number): void;
}

interface LiveProject {
  createdAtMs: number;
  schema: RecordSchema;
  versions: LiveVersions;
  watermark: Watermark<'records' | 'labels'>;
  /** Processing time before which a version that could not be written is not tried again. */
  retryAtMs: number;
}

export class LiveStream {
  private readonly projects = new Map<string, LiveProject>();
  private tail: Promise<unknown> = Promise.resolve();
  /** Partitions that have not been read up to where their end was at the start. */
  private readonly behind = new Map<string, number>();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly datasetIndex: DatasetIndex,
    private readonly history: VersionHistory,
    private readonly closer: VersionCloser,
    private readonly counters: Counters,
    private readonly settings: LiveSettings,
    private readonly clock: Clock,
    private readonly reports: LiveReports,
  ) {}

  /** A partition that must be read up to `end` (exclusive) before any version may close. */
  mustReach(topic: string, partition: number, end: number): void {
    if (end > 0) this.behind.set(`${topic}/${partition}`, end);
  }

  /**
   * Whether this process reads all partitions. With a part of them it would close versions that lack the rest of their
   * rows; then none closes, and committed offsets stay before the open ones.
   */
  wholeStream = true;

  get caughtUp(): boolean {
    return this.wholeStream && this.behind.size === 0;
  }

  records(partition: number, messages: readonly LogMessage<RecordMessage>[]): Promise<BatchOutcome> {
    return this.exclusive('records.v1', partition, messages, async (record, position, bad, atMs) => {
      const live = this.project(record.project, atMs);
      if (live === null) {
        bad.push(refused(position.offset, record.project, 'malformed', 'project', `no project '${record.project}'`));
        return;
      }
      const accepted = this.checked(live.schema, record, position.offset, bad);
      if (accepted === null) return;
      const fresh = this.counters.fresh('records.v1', partition, position.offset);
      if (fresh) this.counters.add(record.project, 'records');
      live.watermark.observe('records', partition, accepted.eventTimeMs, this.clock.nowMs());
      const placed = live.versions.add(accepted, position);
      if (placed === 'added') return;
      if (placed === 'closed' && !(await this.history.holds(record.project, accepted.recordId, accepted.eventTimeMs))) {
        live.versions.addLate(accepted, position);
        if (fresh) this.counters.add(record.project, 'late');
        this.reports.lateRows(record.project, 1);
      } else if (fresh) this.counters.add(record.project, 'duplicates');
    });
  }

  labels(partition: number, messages: readonly LogMessage<LabelMessage>[]): Promise<BatchOutcome> {
    return this.exclusive('labels.v1', partition, messages, async (label, position, bad, atMs) => {
      const live = this.project(label.project, atMs);
      if (live === null) {
        bad.push(refused(position.offset, label.project, 'malformed', 'project', `no project '${label.project}'`));
        return;
      }
      if (live.schema.project.data.label === undefined) {
        bad.push(refused(position.offset, label.project, 'malformed', 'project', 'the project has no label'));
        return;
      }
      if (this.counters.fresh('labels.v1', partition, position.offset)) this.counters.add(label.project, 'labels');
      live.watermark.observe('labels', partition, label.knownAtMs, this.clock.nowMs());
      const known = label.recordId === '' ? { ...label, recordId: requestIdOf(label.predictionId) } : label;
      if (known.recordId !== '') live.versions.addLabel(known, position);
    });
  }

  /** Closes what the watermark allows; call it after batches and now and then. Does not wait for the writing. */
  closeDue(): void {
    this.forgetDeleted();
    for (const live of this.projects.values()) {
      if (this.clock.nowMs() < live.retryAtMs) continue;
      for (const startMs of live.versions.due(this.watermarkOf(live))) void this.close(live, startMs);
    }
  }

  /** Closes every open version of a project now, whatever the watermark says. */
  async closeAll(project: string): Promise<number> {
    const live = this.project(project);
    if (live === null) return 0;
    if (!this.wholeStream) throw new PlatformError('conflict', 'another ingest process reads a part of the stream');
    const starts = live.versions.openSpans();
    await Promise.all(starts.map((startMs) => this.close(live, startMs)));
    return starts.length;
  }

  state(project: string): {
    openRows: number;
    openLabelledRows: number;
    watermarkMs: number | null;
    unmatchedLabels: number;
  } {
    const live = this.projects.get(project);
    const watermarkMs = live === undefined ? Number.NEGATIVE_INFINITY : this.watermarkOf(live);
    return {
      openRows: live?.versions.openRows ?? 0,
      openLabelledRows: live?.versions.openLabelledRows ?? 0,
      watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null,
      unmatchedLabels: live?.versions.unmatchedLabels ?? 0,
    };
  }

  /** Nothing closes while a partition is not yet read up to where its end was at the assignment. */
  private watermarkOf({ watermark }: LiveProject): number {
    return watermark.advance(this.clock.nowMs(), this.caughtUp ? [] : 'some');
  }

  /** Rows of a deleted project are in no version any more, and hold no position back. */
  private forgetDeleted(): void {
    for (const [name, { createdAtMs }] of this.projects) {
      const now = this.registry.createdAtMs(name);
      if (now !== createdAtMs) this.projects.delete(name);
      if (now === undefined) this.counters.forget(name);
    }
  }

  /** null where there is none, or where what was written at `atMs` belonged to a deleted one of this name. */
  private project(name: string, atMs = Number.POSITIVE_INFINITY): LiveProject | null {
    const schema = this.registry.find(name);
    const createdAtMs = this.registry.createdAtMs(name);
    const known = this.projects.get(name);
    if (schema === null || createdAtMs === undefined || atMs < createdAtMs) return null;
    if (known?.createdAtMs === createdAtMs) {
      known.schema = schema;
      return known;
    }
    this.counters.begins(name, createdAtMs);
    const { versionEveryMs, label } = schema.project.data;
    // As long as the monitor's windows wait, so that both speak of the same rows; at least the service's own allowance.
    const allowanceMs = Math.max(this.settings.allowanceMs, schema.project.monitoring.allowedLatenessMs);
    const holdMs = (label?.delayMs ?? 0) + allowanceMs;
    const idleMs = this.settings.idleAfterMs;
    const live: LiveProject = {
      createdAtMs,
      schema,
      versions: new LiveVersions(versionEveryMs, holdMs, this.settings, this.datasetIndex.closedThroughMs(name)),
      watermark: new Watermark({
        idleMs: { records: idleMs, labels: idleMs },
        silence: 'busy time',
        allSilent: 'hold',
      }),
      retryAtMs: 0,
    };
    this.projects.set(name, live);
    return live;
  }

  private checked(
    schema: RecordSchema,
    record: RecordMessage,
    offset: number,
    bad: BadMessage[],
  ): RecordMessage | null {
    const checked = checkedRecord(schema, record, this.clock.nowMs());
    if (!Array.isArray(checked)) return checked;
    bad.push({ offset, project: record.project, reasons: checked });
    return null;
  }

  private async close(live: LiveProject, startMs: number): Promise<void> {
    const begunMs = this.clock.monotonicMs();
    const project = live.schema.project.name;
    const span = live.versions.beginClose(startMs);
    try {
      const version = await this.closer.closeSpan(live.schema, span);
      live.versions.endClose(startMs);
      if (version !== null) this.reports.closed(project, version.rows, this.clock.monotonicMs() - begunMs);
    } catch (thrown) {
      live.versions.retryClose(startMs);
      live.retryAtMs = this.clock.nowMs() + this.settings.retryAfterMs;
      this.reports.failed(project, PlatformError.from(thrown));
    }
  }

  private exclusive<T>(
    topic: 'records.v1' | 'labels.v1',
    partition: number,
    messages: readonly LogMessage<T>[],
    take: (value: T, position: Position, bad: BadMessage[], atMs: number) => Promise<void>,
  ): Promise<BatchOutcome> {
    const work = async (): Promise<BatchOutcome> => {
      const bad: BadMessage[] = [];
      let next = 0;
      if (messages[0] !== undefined) this.counters.startAt(topic, partition, messages[0].offset);
      for (const { offset, timestampMs, message } of messages) {
        next = offset + 1;
        if (message !== undefined) await take(message, { topic, partition, offset }, bad, timestampMs);
        this.counters.fresh(topic, partition, offset);
      }
      await this.makeRoom();
      const end = this.behind.get(`${topic}/${partition}`);
      if (end !== undefined && next >= end) this.behind.delete(`${topic}/${partition}`);
      this.closeDue();
      return { bad, nextOffset: this.nextOffset(topic, partition, next) };
    };
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }

  /** At the bound of open rows the oldest version closes early, and reading waits for it. */
  private async makeRoom(): Promise<void> {
    for (const live of this.projects.values()) {
      if (!live.versions.full) continue;
      const oldest = live.versions.oldest();
      if (oldest !== null) await this.close(live, oldest);
      else await this.closer.settled();
    }
  }

  private nextOffset(topic: string, partition: number, next: number): number {
    let safe = Math.min(next, this.counters.savedThrough(topic, partition));
    for (const live of this.projects.values()) {
      const floor = live.versions.floor(topic, partition);
      if (floor !== null && floor < safe) safe = floor;
    }
    return safe;
  }
}

function refused(offset: number, project: string, code: Reason['code'], field: string, message: string): BadMessage {
  return { offset, project, reasons: [{ code, field, message }] };
}
