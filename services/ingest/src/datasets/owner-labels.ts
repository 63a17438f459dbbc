// Labels that came when their span had closed, as the owner of a project joins them to its versions: those of a row
// make a version of its rows, those of none wait on in segments of the owner's, and go to the dead letters when they
// have waited for `data.label.wait` and their record is in no segment either.

import type { ClosingProgress, DatasetVersion, OpenSpanProgress } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { WaitingLabel } from '../labels/waiting-label.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { DatasetIndex } from './dataset-index.js';
import type { OpenSpans } from './open-spans.js';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import { entryOf, OF_OWNER, type SegmentFile, type SegmentFiles, type SegmentOwner, sameOwner } from './segment.js';
import { isTimed, spanMsOf } from './span-times.js';
import type { LateLabels, VersionCloser } from './version-closer.js';

interface OwnedProject extends SegmentOwner {
  readonly schema: RecordSchema;
}

export interface OwnerLabelPorts {
  index: DatasetIndex;
  spans: OpenSpans;
  files: SegmentFiles;
  closer: VersionCloser;
  clock: Clock;
  reports: { closed(version: DatasetVersion, tookMs: number): void };
  expired: {
    /** Durable as dead letters when it resolves; the same again is the same letter. */
    give(schema: RecordSchema, labels: readonly WaitingLabel[]): Promise<void>;
    /** So many are gone from those that wait. */
    told(schema: RecordSchema, labels: number): void;
  };
}

/** What the owner of spans knows and writes of a project. */
export interface OwnerOfSpans {
  isClosed(owned: OwnedProject, timeMs: number): boolean;
  closingOf(owner: SegmentOwner): ClosingProgress;
  withConsumed(closing: ClosingProgress, files: readonly SegmentFile[]): ClosingProgress;
  /** Resolves when everything that was written before is in segments. @throws PlatformError where nobody reads it */
  barrier(): Promise<void>;
  write(owner: SegmentOwner, entries: readonly ProgressEntry[], versions: readonly DatasetVersion[]): Promise<void>;
}

/** Versions that are looked at together: others are closed between them. A second or two of work. */
const REFRESHED_MAX = 50;

/** A walk over the versions, in the order of their rows, with the labels that there were when it began. */
interface Pass {
  readonly names: ReadonlySet<string>;
  readonly refreshedAtMs: number;
  readonly through: number;
  /** Whether every record that was written before is in segments: else no label is told to have none. */
  readonly isRead?: boolean;
}

export class OwnerLabels {
  private readonly passes = new WeakMap<OwnedProject, Pass>();

  constructor(
    private readonly ports: OwnerLabelPorts,
    private readonly owner: OwnerOfSpans,
  ) {}

  /** When late labels were joined last, in processing time; before that, when there was first a version for them. */
  refreshedAtMs(owner: SegmentOwner): number {
    const { index, spans, clock } = this.ports;
    return spans.closing(owner)?.refreshedAtMs ?? index.list(owner.project)[0]?.closedAtMs ?? clock.nowMs();
  }

  isDue(owned: OwnedProject): boolean {
    if (this.passes.has(owned)) return true;
    const { labelRefreshMs, label } = owned.schema.project.data;
    if (label === undefined || this.ports.clock.nowMs() - this.refreshedAtMs(owned) < labelRefreshMs) return false;
    const { going, staying, sinceMs } = this.late(owned);
    return going.length + staying.length > 0 || this.hasFreshRows(owned, sinceMs);
  }

  /**
   * Labels of closed versions: those of a row make a version of its rows, the others wait on. Some of the versions;
   * while there are more it is due again, and only when all were looked at the labels count as joined. A process that
   * takes over begins anew, and finds what was told already unchanged.
   */
  async refresh(owned: OwnedProject): Promise<void> {
    const { closer, reports, clock, expired } = this.ports;
    const { schema } = owned;
    const begunMs = clock.monotonicMs();
    const begun = this.passes.get(owned) ?? passOver(this.late(owned), clock.nowMs());
    const pass = { ...begun, isRead: begun.isRead ?? (await this.isRead()) };
    const late = this.late(owned);
    // What came since is for the next pass: some of the versions were looked at without it.
    const isOfPass = (file: SegmentFile) => isOf(pass.names, file);
    const labels = { ...late, going: late.going.filter(isOfPass), staying: late.staying.filter(isOfPass) };
    const { going } = labels;
    const { refreshedAtMs } = pass;
    let given = 0;
    const expiry = {
      beforeMs: pass.isRead ? refreshedAtMs - schema.project.data.labelWaitMs : Number.NEGATIVE_INFINITY,
      open: this.ports.spans.files(owned).filter(({ kind }) => kind === 'records'),
      give: (labels: readonly WaitingLabel[]) => {
        given += labels.length;
        return expired.give(schema, labels);
      },
    };
    const part = { afterOrdinal: pass.through, versionsMax: REFRESHED_MAX };
    const refreshed = await closer.refresh(schema, labels, part, expiry, async (told) => {
      if ('through' in told) {
        if (told.versions.length > 0) await this.owner.write(owned, [], told.versions);
        this.passes.set(owned, { ...pass, through: told.through });
        return;
      }
      const closing = { ...this.owner.withConsumed(this.owner.closingOf(owned), going), refreshedAtMs };
      await this.owner.write(owned, [...this.kept(owned, going, told.left), closing], told.versions);
      this.passes.delete(owned);
      if (given > 0) expired.told(schema, given);
      await this.drop(going);
    });
    for (const version of refreshed) reports.closed(version, clock.monotonicMs() - begunMs);
  }

  private isRead(): Promise<boolean> {
    return this.owner.barrier().then(
      () => true,
      () => false, // the next pass asks again
    );
  }

  /** The owner's own lists, without these labels and with those that found no row. */
  kept(owner: SegmentOwner, joined: readonly SegmentFile[], left: readonly SegmentFile[]): ProgressEntry[] {
    const spans = new Set([...joined, ...left].map(({ spanStartMs }) => spanStartMs));
    const names = new Set(joined.map(({ name }) => name));
    return [...spans].flatMap((spanStartMs): ProgressEntry[] => {
      const { project, createdAtMs } = owner;
      const what = { kind: 'span', segmentKind: 'labels', partition: OF_OWNER, segments: [] } as const;
      const span: OpenSpanProgress = { ...what, project, createdAtMs, spanStartMs };
      const key = progressKey(span);
      const told = this.ports.spans.spanAt(key, project);
      // Of a deleted project of this name nothing is taken over.
      const known = told !== null && sameOwner(told, owner) ? told : null;
      const segments = [
        ...(known?.segments ?? []).filter(({ name }) => !names.has(name)),
        ...left.filter((file) => file.spanStartMs === spanStartMs).map(entryOf),
      ];
      if (segments.length > 0) return [{ ...span, segments }];
      return told === null ? [] : [{ kind: 'gone', key }];
    });
  }

  /** Files of the owner's own that no list names; what stays after a crash is swept by the next owner. */
  async drop(files: readonly SegmentFile[]): Promise<void> {
    await this.ports.files.remove(files.filter(({ partition }) => partition === OF_OWNER)).catch(() => undefined);
  }

  /** Whether a version closed since then whose rows another one may have labels of. */
  private hasFreshRows({ project }: OwnedProject, sinceMs: number): boolean {
    const { index } = this.ports;
    const versions = index.list(project);
    if (index.sums(project).importedRows === 0 || versions.length < 2) return false;
    for (let place = versions.length - 1; place >= 0; place--) {
      const { closedAtMs, rowsOf } = versions[place] as DatasetVersion;
      if (closedAtMs < sinceMs) return false;
      if (rowsOf === 0) return true;
    }
    return false;
  }

  /** Labels that closed versions may want: also of the records of imports, whatever span they are of. */
  private late(owned: OwnedProject): LateLabels {
    const { schema } = owned;
    const files = this.ports.spans.files(owned);
    const labels = files.filter(({ kind }) => kind === 'labels');
    const sinceMs = this.refreshedAtMs(owned);
    const hasImports = this.ports.index.sums(owned.project).importedRows > 0;
    const open = new Set(files.filter(({ kind }) => kind === 'records').map(({ spanStartMs }) => spanStartMs));
    // Without event time a label may belong to any open record.
    const isAwaited = ({ spanStartMs }: SegmentFile) => (isTimed(schema) ? open.has(spanStartMs) : open.size > 0);
    // Of a span that nothing closes, for it has no record: in real time it would be over, and the wait too.
    const overMs = this.ports.clock.nowMs() - schema.project.data.labelWaitMs - spanMsOf(schema);
    const isGoing = (file: SegmentFile) =>
      this.owner.isClosed(owned, file.spanStartMs) ||
      (!isAwaited(file) && (hasImports || !isTimed(schema) || file.spanStartMs <= overMs));
    const staying = hasImports ? labels.filter((file) => !isGoing(file)) : [];
    return { going: labels.filter(isGoing), staying, sinceMs };
  }
}

const passOver = ({ going, staying }: LateLabels, nowMs: number): Pass => ({
  ...{ names: new Set([...going, ...staying].map(({ name }) => name)), refreshedAtMs: nowMs, through: 0 },
});

/** Also one that was merged of nothing but such ones meanwhile. */
const isOf = (names: ReadonlySet<string>, { name, merged }: SegmentFile): boolean =>
  names.has(name) || (merged.length > 0 && merged.every((each) => names.has(each)));
