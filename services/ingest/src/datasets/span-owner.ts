// Closes the spans of the projects that this process owns (it holds the number of their key) into dataset versions, out
// of the segments of all partitions.
//
// A span is due when the watermark passes its end by the label's delay and an allowance. The watermark follows what the
// partitions tell on progress.v1, so before a close the ends of all partitions are asked of the broker, and it begins
// when everything up to there is in segments: what was written before is in it. Spans close in order, each with the
// late rows of the spans before it; one without records makes no version. A version and what it was made of are told in
// one transaction: an owner that was replaced announces nothing, and a killed one leaves files that nobody names.
//
// Liveness: a partition that nobody reads holds a close back for `barrierMs`, then it is told of and tried again.

import type {
  ClosingProgress,
  DatasetAction,
  DatasetVersion,
  HoldAction,
  ImportEndProgress,
} from '@millrace/contracts';
import { type Clock, PlatformError, type Watermark } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex } from './dataset-index.js';
import { DeletedProjects } from './deleted-projects.js';
import { HeldSpans } from './held-spans.js';
import type { Ends, OpenSpans } from './open-spans.js';
import type { OwnerCommand } from './owner-commands.js';
import { type OwnerLabelPorts, OwnerLabels } from './owner-labels.js';
import { OwnerRetention, type VersionCollector } from './owner-retention.js';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import type { ProgressLog } from './progress-log.js';
import { type ClosePlan, OF_OWNER, type SegmentFile, type SegmentFiles, type SegmentOwner } from './segment.js';
import { isTimed, knownTime, ownerWatermark, spanMsOf, startOfSpan } from './span-times.js';
import type { VersionCloser } from './version-closer.js';

export interface LiveSettings {
  /** Beyond the label's delay, before a span closes. */
  allowanceMs: number;
  idleAfterMs: number;
  /** Pause before a version that could not be written is tried again. */
  retryAfterMs: number;
  /** A close waits this long for partitions that were not read up to their ends, before it is told of and retried. */
  barrierMs: number;
}

export interface LiveReports {
  closed(version: DatasetVersion, tookMs: number): void;
  failed(project: string, error: PlatformError): void;
  /** What a killed process left was removed, or could not be. */
  swept(partition: number, removed: number, error?: PlatformError): void;
}

export interface OwnerPorts extends OwnerLabelPorts {
  registry: ProjectRegistry;
  index: DatasetIndex;
  spans: OpenSpans;
  files: SegmentFiles;
  log: ProgressLog;
  closer: VersionCloser;
  collector: VersionCollector;
  clock: Clock;
  reports: LiveReports;
  /** Where the partitions end now. */
  ends(): Promise<Ends>;
  /** What this process has read is in segments. */
  flush(): Promise<void>;
  partitionOf(project: string): number;
}

/** A project that is not known by then was deleted. */
const UNKNOWN_MS_MAX = 10_000;
/**
 * Processing time that senders have after a take-over or an outage before a project counts as idle. Not closeAfterIdle:
 * where processes come and go more often than that nothing idle would ever close.
 */
const SENDERS_BACK_MS = 600_000;
/** How often a project is looked at for versions that retention lets go of. */
const COLLECT_MS = 60_000;
/** How often it is looked for version files that nobody names; first when it was owned for COLLECT_MS. */
const SWEEP_MS = 3_600_000;
/** Time alone makes something due a moment later: a thousand projects are not looked at after each batch. */
const LOOK_MS = 1_000;
/** While there is more of it. */
const COLLECT_PAUSE_MS = 1_000;
/** Answers of commands that are kept for who asked. */
const ANSWERS_MAX = 8;
/** Ends of imports that are kept, for a partition. */
const IMPORT_ENDS_MAX = 200;

interface Owned extends SegmentOwner {
  schema: RecordSchema;
  watermark: Watermark<'records' | 'labels'>;
  /** Messages of each partition when the watermark last heard of it. */
  heard: Map<number, { records: number; labels: number }>;
  held: HeldSpans;
  closing: Promise<void> | null;
  /** Processing time before which a version that could not be written is not tried again. */
  retryAtMs: number;
  /** Processing time since when it is known that what is sent is heard. */
  hearsSinceMs: number;
  /** Processing time when it was looked for what retention lets go of. */
  collectedAtMs: number;
  /** And for version files that nobody names. */
  sweptAtMs: number;
  /** When it was looked for what is due, and what it was then. */
  looked: { changes: number; schema: RecordSchema; atMs: number };
}

export class SpanOwner {
  private readonly owned = new Map<string, Owned>();
  private numbers: ReadonlySet<number> = new Set();
  private barriers: Promise<void> = Promise.resolve();
  private nextBarrier: Promise<void> | null = null;
  private collecting = false;
  /** When there was nothing to delete in any project, and of how many changes of projects that was. */
  private lookedAt = { ms: Number.NEGATIVE_INFINITY, changes: -1 };
  private readonly deleted: DeletedProjects;
  private readonly retention: OwnerRetention;
  private readonly labels: OwnerLabels;

  constructor(
    private readonly settings: LiveSettings,
    private readonly ports: OwnerPorts,
  ) {
    this.retention = new OwnerRetention(ports);
    this.labels = new OwnerLabels(ports, {
      isClosed: (owned, timeMs) => this.isClosed(owned, timeMs),
      closingOf: (owner) => this.closingOf(owner),
      withConsumed: (closing, files) => this.withConsumed(closing, files),
      barrier: () => this.barrier(),
      write: (owner, entries, versions) => this.write(owner, entries, versions),
    });
    this.deleted = new DeletedProjects(ports, (project) => this.isOwned(project));
  }

  /** The numbers that this process holds; what was begun of others comes to nothing. */
  hold(numbers: readonly number[]): void {
    this.numbers = new Set(numbers);
    for (const name of [...this.owned.keys()]) if (!this.isOwned(name)) this.owned.delete(name);
  }

  isOwned(project: string): boolean {
    return this.numbers.has(this.ports.partitionOf(project));
  }

  /** Event time up to which the project's stream is taken to be complete; undefined where it is not owned here. */
  watermarkOf(project: string): number | undefined {
    const owned = this.project(project);
    return owned === null ? undefined : this.advanced(owned);
  }

  /** Closes what the watermark allows; call it after batches and now and then. Does not wait for the writing. */
  closeDue(): void {
    const { spans, clock } = this.ports;
    this.deleted.clear();
    this.collectDue();
    const nowMs = clock.nowMs();
    for (const name of spans.names()) {
      const owned = this.project(name);
      if (owned === null || owned.closing !== null || nowMs < owned.retryAtMs || this.isLooked(owned, nowMs)) continue;
      const due = this.dueSpan(owned);
      if (due !== null) this.start(owned, () => this.close(owned, due), true);
      else if (this.labels.isDue(owned)) this.start(owned, () => this.labels.refresh(owned));
    }
  }

  /** Nothing of it has changed since it was looked at, a moment ago: of a thousand projects one has. */
  private isLooked(owned: Owned, nowMs: number): boolean {
    const { schema, looked } = owned;
    const changes = this.ports.spans.changedAt(owned.project);
    if (looked.changes === changes && looked.schema === schema && nowMs - looked.atMs < LOOK_MS) return true;
    owned.looked = { changes, schema, atMs: nowMs };
    return false;
  }

  /**
   * Before what else is due, and also while that fails: on a full disk nothing else makes room. Projects of which
   * nothing is open, too. One at a time, for closes wait for it: who waits longest has the turn.
   */
  private collectDue(): void {
    const { registry, clock } = this.ports;
    const nowMs = clock.nowMs();
    const isLooked = nowMs < this.lookedAt.ms + LOOK_MS && this.lookedAt.changes === registry.changes;
    if (this.collecting || isLooked) return;
    const free = registry
      .list()
      .flatMap(({ name }) => this.project(name) ?? [])
      .filter(({ closing }) => closing === null);
    const due = free.filter(
      ({ collectedAtMs, schema }) =>
        nowMs - collectedAtMs >= COLLECT_MS && schema.project.retention.datasets !== undefined,
    );
    const collected = leastOf(due, ({ collectedAtMs }) => collectedAtMs);
    if (collected !== null) {
      collected.collectedAtMs = nowMs;
      this.tidy(collected, async () => {
        // There may be more: soon, but not before what else is due.
        if ((await this.collect(collected)) > 0) collected.collectedAtMs = nowMs + COLLECT_PAUSE_MS - COLLECT_MS;
      });
      return;
    }
    const swept = leastOf(free, ({ sweptAtMs }) => sweptAtMs);
    if (swept === null || nowMs - swept.sweptAtMs < SWEEP_MS) {
      this.lookedAt = { ms: nowMs, changes: registry.changes };
      return;
    }
    swept.sweptAtMs = nowMs;
    this.tidy(swept, () => this.retention.sweep(swept.project, () => this.project(swept.project) === swept));
  }

  private tidy(owned: Owned, work: () => Promise<void>): void {
    this.collecting = true;
    this.start(owned, () =>
      work().finally(() => {
        this.collecting = false;
      }),
    );
  }

  /** Carries a command out; where it was before, nothing happens. What has failed is answered, and not tried again. */
  async carryOut({ project, id: commandId, issuedAtMs, action }: OwnerCommand): Promise<void> {
    const owned = this.project(project);
    const { registry, clock } = this.ports;
    // It is being taken over, here or elsewhere.
    if (!this.isOwned(project)) throw new PlatformError('conflict', `project '${project}' is not closed here now`);
    // Who asked may know of it a moment before this process does.
    if (action.kind !== 'removeHold' && registry.find(project) === null && clock.nowMs() - issuedAtMs < UNKNOWN_MS_MAX)
      throw new PlatformError('unavailable', `project '${project}' is not known here yet`);
    if (action.kind === 'addHold' || action.kind === 'removeHold') {
      await this.changeHold(project, commandId, action);
      return;
    }
    if (action.kind === 'endImport') {
      await this.endImport(project, action);
      return;
    }
    if (owned === null || this.closingOf(owned).answers.some((answer) => answer.commandId === commandId)) return;
    if (issuedAtMs < owned.createdAtMs) {
      const refused = `it was asked of a project '${project}' that was deleted; ask again`;
      await this.answer(owned, { commandId, closed: 0, failure: refused });
      return;
    }
    let closed = 0;
    let failure = '';
    try {
      if (action.kind === 'closeDatasets') closed = await this.closeAll(owned);
      else if (action.kind === 'collectDatasets') closed = await this.collectAll(owned);
      else await this.resetWatermark(owned, action.toMs);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code === 'conflict') throw error;
      failure = error.message;
    }
    if (this.project(project) !== owned) return;
    await this.answer(owned, { commandId, closed, failure });
  }

  private answer(owned: Owned, given: ClosingProgress['answers'][number]): Promise<void> {
    return this.alone(owned, () => {
      const before = this.closingOf(owned);
      return this.write(owned, [{ ...before, answers: [...before.answers, given].slice(-ANSWERS_MAX) }], []);
    });
  }

  /** Resolves when every close that has begun has ended. */
  async settled(): Promise<void> {
    await this.deleted.settled();
    for (let running = this.running(); running.length > 0; running = this.running()) await Promise.all(running);
  }

  /** Whether the span that this time is in is closed. */
  isClosed(owner: SegmentOwner & { schema: RecordSchema }, timeMs: number): boolean {
    return startOfSpan(owner.schema, timeMs) + spanMsOf(owner.schema) <= this.closedThroughMs(owner);
  }

  private closedThroughMs(owner: SegmentOwner): number {
    const { index, spans } = this.ports;
    // Before the first close that is told: what releases without progress.v1 have closed.
    const closing = spans.closing(owner);
    if (closing === null) return index.closedThroughMs(owner.project);
    return closing.closedThroughMs ?? Number.NEGATIVE_INFINITY;
  }

  private async closeAll(owned: Owned): Promise<number> {
    let closed = 0;
    await this.alone(owned, async () => {
      await this.barrier();
      const starts = this.openSpans(owned);
      // Late rows alone go into the first span that is not closed.
      if (starts.length === 0 && this.hasRecords(owned)) starts.push(this.firstOpen(owned));
      for (const startMs of starts) await this.closeNow(owned, startMs);
      closed = starts.length;
    });
    return closed;
  }

  /** What partitions tell counts from here on only when they know of it. */
  private async resetWatermark(owned: Owned, toMs: number): Promise<void> {
    await this.alone(owned, () => {
      const before = this.closingOf(owned);
      const closedThroughMs = knownTime(Math.min(this.closedThroughMs(owned), startOfSpan(owned.schema, toMs)));
      const resetAtMs = Math.max(this.ports.clock.nowMs(), before.resetAtMs + 1);
      return this.write(owned, [{ ...before, closedThroughMs, resetAtMs, resetToMs: toMs }], []);
    });
    owned.watermark = ownerWatermark(this.settings.idleAfterMs);
    owned.heard.clear();
    owned.held = new HeldSpans();
  }

  /** What the project's closing entry becomes is made of what it is: one after the other, closes among them. */
  private async alone(owned: Owned, work: () => Promise<void>): Promise<void> {
    while (owned.closing !== null) await owned.closing;
    const working = work().finally(() => {
      owned.closing = null;
    });
    owned.closing = working.catch(() => undefined); // the caller has it
    await working;
  }

  private running(): Promise<void>[] {
    return [...this.owned.values()].flatMap(({ closing }) => closing ?? []);
  }

  /** Runs alone, of this project. A failure is told, and what was due is tried again after a pause. */
  private start(owned: Owned, work: () => Promise<void>, isClose = false): void {
    owned.closing = work()
      .catch((thrown: unknown) => {
        owned.retryAtMs = this.ports.clock.nowMs() + this.settings.retryAfterMs;
        const error = PlatformError.from(thrown);
        // Of a file that cannot be read senders know nothing; without the broker they could not send either.
        if (isClose && error.code === 'unavailable') {
          owned.hearsSinceMs = this.ports.clock.nowMs();
          owned.held = new HeldSpans();
        }
        this.ports.reports.failed(owned.project, error);
      })
      .finally(() => {
        owned.closing = null;
        owned.looked = { ...owned.looked, atMs: Number.NEGATIVE_INFINITY };
        if (this.owned.get(owned.project) === owned && owned.retryAtMs <= this.ports.clock.nowMs()) this.closeDue();
      });
  }

  private async close(owned: Owned, startMs: number): Promise<void> {
    await this.barrier();
    // What was read meanwhile may hold the watermark back.
    if (this.project(owned.project) !== owned || this.dueSpan(owned) !== startMs) return;
    await this.closeNow(owned, startMs);
  }

  private async closeNow(owned: Owned, startMs: number): Promise<void> {
    const { closer, reports, clock } = this.ports;
    const begunMs = clock.monotonicMs();
    const plan = this.planOf(owned, startMs);
    const { version } = await closer.closeSpan(owned.schema, plan, async ({ version: made, left, duplicates }) => {
      const before = this.closingOf(owned);
      const closing = {
        ...this.withConsumed(before, [...plan.records, ...plan.labels]),
        closedThroughMs: Math.max(before.closedThroughMs ?? Number.NEGATIVE_INFINITY, plan.spanEndMs),
        duplicates: before.duplicates + duplicates,
      };
      await this.write(owned, [...this.labels.kept(owned, plan.labels, left), closing], made === null ? [] : [made]);
      await this.labels.drop(plan.labels);
    });
    if (version !== null) reports.closed(version, clock.monotonicMs() - begunMs);
  }

  private async collectAll(owned: Owned): Promise<number> {
    let removed = 0;
    for (let more = 1; more > 0; removed += more) {
      await this.alone(owned, async () => {
        more = await this.collect(owned);
        owned.collectedAtMs = this.ports.clock.nowMs();
      });
      // What is due has its turn before the next ones.
      this.closeDue();
    }
    return removed;
  }

  private collect(owned: Owned): Promise<number> {
    const isOwned = () => this.project(owned.project) === owned;
    // When labels were joined last counts from the oldest version, where nobody has told of it.
    const entries = () => (this.ports.spans.closing(owned) === null ? [this.closingOf(owned)] : []);
    return this.retention.collect(owned.schema, isOwned, entries);
  }

  private async changeHold(project: string, commandId: string, action: HoldAction): Promise<void> {
    const failure = await this.retention.changeHold(project, commandId, action);
    const owned = this.project(project);
    const isAsked = failure !== null || (action.kind === 'addHold' && action.model > 0);
    if (isAsked && owned !== null) await this.answer(owned, { commandId, closed: 0, failure: failure ?? '' });
  }

  private async endImport(project: string, action: DatasetAction & { kind: 'endImport' }): Promise<void> {
    const { importId, version, failure } = action;
    const end = (versionId: string, why: string): ImportEndProgress => ({
      ...{ kind: 'importEnd', importId, project, versionId, failure: why },
    });
    const owned = this.project(project);
    const number = this.ports.partitionOf(project);
    const old = this.ports.spans
      .importsEnded()
      .filter((each) => this.ports.partitionOf(each.project) === number && each.importId !== importId)
      .slice(0, -IMPORT_ENDS_MAX)
      .map((each) => ({ kind: 'gone' as const, key: progressKey(each) }));
    if (owned === null || version === undefined || version.closedAtMs < owned.createdAtMs) {
      const why = failure === '' ? `project '${project}' was deleted` : failure;
      await this.ports.log.write(number, [...old, end('', why)], []);
      return;
    }
    await this.ports.closer.import(version, async (made) => {
      const told =
        made === 'deleted' ? end('', 'its version was deleted meanwhile: import it again') : end(version.id, '');
      await this.ports.log.write(number, [...old, told], made === null || made === 'deleted' ? [] : [made]);
    });
  }

  /** Everything that was written before this call is in segments; shared by those that ask at the same time. */
  private barrier(): Promise<void> {
    this.nextBarrier ??= this.barriers.then(() => {
      this.nextBarrier = null;
      return this.reached();
    });
    this.barriers = this.nextBarrier.catch(() => undefined);
    return this.nextBarrier;
  }

  private async reached(): Promise<void> {
    const { spans, ends, flush } = this.ports;
    const wanted = await ends();
    if (spans.behind(wanted).length === 0) return;
    // What could not be written is told as stopped, and not waited for.
    await flush().catch(() => undefined);
    const isThere = () => (spans.behind(wanted).length === 0 ? true : undefined);
    // As long as somebody reads on: a backlog may take its time.
    for (let before = ''; before !== spans.readText(); ) {
      before = spans.readText();
      if ((await spans.until(isThere, this.settings.barrierMs)) !== undefined) return;
    }
    throw new PlatformError('unavailable', `partitions ${spans.behind(wanted).join(', ')} are not read on by anybody`);
  }

  private planOf(owned: Owned, startMs: number): ClosePlan {
    const { schema } = owned;
    const files = this.ports.spans.files(owned);
    const isHere = ({ kind, spanStartMs }: SegmentFile) =>
      kind === 'records' && startOfSpan(schema, spanStartMs) <= startMs;
    const records = files.filter(isHere);
    const spans = new Set(records.map(({ spanStartMs }) => spanStartMs));
    // A label without an event time of its own has that of its arrival, which says nothing of its record: then every
    // label may belong to one.
    const isWanted = ({ spanStartMs }: SegmentFile) => !isTimed(schema) || spans.has(spanStartMs);
    const labels = files.filter((file) => file.kind === 'labels' && isWanted(file));
    const { project, createdAtMs } = owned;
    return { project, createdAtMs, spanStartMs: startMs, spanEndMs: startMs + spanMsOf(schema), records, labels };
  }

  private closingOf({ project, createdAtMs }: SegmentOwner): ClosingProgress {
    const known = this.ports.spans.closing({ project, createdAtMs });
    if (known !== null) return known;
    const refreshedAtMs = this.labels.refreshedAtMs({ project, createdAtMs });
    return {
      ...{ kind: 'closing', project, createdAtMs, consumed: [], duplicates: 0, refreshedAtMs, answers: [] },
      ...{ closedThroughMs: knownTime(this.ports.index.closedThroughMs(project)), resetAtMs: 0, resetToMs: 0 },
    };
  }

  /** With these, and without what no partition lists any more. */
  private withConsumed(closing: ClosingProgress, files: readonly SegmentFile[]): ClosingProgress {
    const listed = new Set<string>();
    for (const { segments } of this.ports.spans.spansIn(closing.project))
      for (const { name, merged } of segments) for (const each of [name, ...merged]) listed.add(each);
    const ofPartitions = files.filter(({ partition }) => partition !== OF_OWNER);
    const consumed = new Set([...closing.consumed, ...ofPartitions.map(({ name }) => name)]);
    return { ...closing, consumed: [...consumed].filter((name) => listed.has(name)) };
  }

  private write(owner: SegmentOwner, entries: readonly ProgressEntry[], versions: readonly DatasetVersion[]) {
    if (this.project(owner.project) !== owner)
      throw new PlatformError('conflict', `project '${owner.project}' is not closed here any more`);
    return this.ports.log.write(this.ports.partitionOf(owner.project), entries, versions);
  }

  /** null where it is not owned here, or deleted. */
  private project(name: string): Owned | null {
    const { registry } = this.ports;
    const schema = registry.find(name);
    const createdAtMs = registry.createdAtMs(name);
    if (schema === null || createdAtMs === undefined || !this.isOwned(name)) {
      this.owned.delete(name);
      return null;
    }
    const known = this.owned.get(name);
    if (known?.createdAtMs === createdAtMs) {
      known.schema = schema;
      return known;
    }
    const owned: Owned = {
      project: name,
      createdAtMs,
      schema,
      watermark: ownerWatermark(this.settings.idleAfterMs),
      heard: new Map(),
      held: new HeldSpans(),
      closing: null,
      retryAtMs: 0,
      hearsSinceMs: this.ports.clock.nowMs(),
      collectedAtMs: Number.NEGATIVE_INFINITY,
      sweptAtMs: this.ports.clock.nowMs() + COLLECT_MS - SWEEP_MS,
      looked: { changes: -1, schema, atMs: 0 },
    };
    this.owned.set(name, owned);
    return owned;
  }

  private advanced(owned: Owned): number {
    const nowMs = this.ports.clock.nowMs();
    const resetAtMs = this.ports.spans.closing(owned)?.resetAtMs ?? 0;
    for (const reading of this.ports.spans.readingsOf(owned)) {
      const { partition, records, labels, recordsThroughMs, labelsThroughMs } = reading;
      if (reading.resetAtMs < resetAtMs) continue;
      const heard = owned.heard.get(partition);
      if (heard?.records !== records && recordsThroughMs !== undefined)
        owned.watermark.observe('records', partition, recordsThroughMs, nowMs);
      if (heard?.labels !== labels && labelsThroughMs !== undefined)
        owned.watermark.observe('labels', partition, labelsThroughMs, nowMs);
      owned.heard.set(partition, { records, labels });
    }
    return owned.watermark.advance(nowMs, []);
  }

  /** The oldest open span, where the watermark allows its close. */
  private dueSpan(owned: Owned): number | null {
    const watermarkMs = this.advanced(owned);
    const oldest = this.openSpans(owned)[0];
    // Late rows alone wait for the next version, where one is to be expected.
    if (oldest === undefined) return this.hasRecords(owned) && this.isIdle(owned) ? this.firstOpen(owned) : null;
    const isPassed = oldest + spanMsOf(owned.schema) + this.holdMs(owned) <= watermarkMs;
    return isPassed || this.isIdle(owned) || this.isHeldTooLong(owned) ? oldest : null;
  }

  /**
   * Who lags holds nothing back for longer than a silent project stays open; what comes later is late, not lost. Of one
   * that is held too long all that are older close first.
   */
  private isHeldTooLong(owned: Owned): boolean {
    const isTooLong = owned.held.areTooLong(this.openSpans(owned), {
      waitsMs: spanMsOf(owned.schema) + this.holdMs(owned),
      reachedMs: owned.watermark.newestOf('records'),
      nowMs: this.ports.clock.nowMs(),
      mostMs: owned.schema.project.data.closeAfterIdleMs,
    });
    return isTooLong && this.isHeard(owned);
  }

  /** Nobody has sent anything for so long that in real time everything that is open were over. */
  private isIdle(owned: Owned): boolean {
    const heardAtMs = Math.max(...this.ports.spans.readingsOf(owned).map((reading) => reading.heardAtMs));
    const silentMs = this.ports.clock.nowMs() - heardAtMs;
    return this.isHeard(owned) && silentMs >= owned.schema.project.data.closeAfterIdleMs;
  }

  /** What senders could not send before has had its time to come. */
  private isHeard({ schema: { project }, hearsSinceMs }: Owned): boolean {
    return this.ports.clock.nowMs() - hearsSinceMs >= Math.min(project.data.closeAfterIdleMs, SENDERS_BACK_MS);
  }

  /** Event time that a span stays open after its end. */
  private holdMs({ schema: { project } }: Owned): number {
    // As long as the monitor's windows wait, so that both speak of the same rows; at least the service's own allowance.
    const allowanceMs = Math.max(this.settings.allowanceMs, project.monitoring.allowedLatenessMs);
    return (project.data.label?.delayMs ?? 0) + allowanceMs;
  }

  /** Start times of the spans that hold records and are not closed, oldest first. */
  private openSpans(owned: Owned): number[] {
    const starts = new Set<number>();
    for (const { kind, spanStartMs } of this.ports.spans.files(owned)) {
      if (kind === 'records' && !this.isClosed(owned, spanStartMs)) starts.add(startOfSpan(owned.schema, spanStartMs));
    }
    return [...starts].sort((a, b) => a - b);
  }

  private hasRecords(owned: Owned): boolean {
    return this.ports.spans.files(owned).some(({ kind }) => kind === 'records');
  }

  private firstOpen(owned: Owned): number {
    const spanMs = spanMsOf(owned.schema);
    return Math.ceil(this.closedThroughMs(owned) / spanMs) * spanMs;
  }
}

/** The first of the least; null where there is none. */
function leastOf<T>(items: readonly T[], value: (item: T) => number): T | null {
  return items.reduce<T | null>((least, item) => (least === null || value(item) < value(least) ? item : least), null);
}
