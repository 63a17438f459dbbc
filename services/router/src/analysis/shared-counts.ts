// The counts of one rollout or experiment, as every router has them: it says what it counted itself where that has
// changed, and adds up what it and the others have. At its end they are forgotten; what was thought of it last is
// kept for who asks (KEPT_MAX of them, the oldest goes).

import type { VersionEvidence } from '@millrace/routing';
import type { EvidenceBook, RolloutId } from './evidence-book.js';
import type { GatheredDrifts } from './gathered-drifts.js';
import { addTo, type EvidenceSum, type GatheredEvidence, putLast, type Word, withLosses } from './gathered-evidence.js';
import type { GatheredLosses } from './gathered-losses.js';

/** Rollouts or experiments that ended. */
const KEPT_MAX = 256;

/** What this router has counted, what others have, what labels said, and which alarms ring. */
export interface Counts {
  book: EvidenceBook;
  gathered: GatheredEvidence;
  losses: GatheredLosses;
  drifts: GatheredDrifts;
}

/** This router among the others. */
export interface Self {
  router: string;
  startedAtMs: number;
}

export interface GatheredCounts {
  of(version: number): VersionEvidence;
  /**
   * A router, or an earlier start of one, has been heard for the first time. What it has counted is of all the time so
   * far: as one block of answers it would take another split, or a bad hour, for a difference.
   */
  isNew: boolean;
}

export class SharedCounts {
  /** Whose counts were in the last sum. */
  routers = 1;
  /** The last one. */
  sum: EvidenceSum = new Map();
  private answersSaid = 0;
  private heard = 0;

  constructor(
    private readonly id: RolloutId,
    private readonly counts: Counts,
    private readonly self: Self,
  ) {}

  /** To all routers; undefined: what has not changed was said. */
  news(saidAtMs: number): Word | undefined {
    const own = this.counts.book.of(this.id);
    if (own === undefined || own.answers === this.answersSaid) return undefined;
    this.answersSaid = own.answers;
    const { project, version, fromRevision } = this.id;
    const versions = own.versions.map((evidence) => evidence.state());
    return { project, version, fromRevision, ...this.self, saidAtMs, versions };
  }

  gather(nowMs: number): GatheredCounts {
    const { book, gathered, losses, drifts } = this.counts;
    const { routers, sum } = gathered.of(this.id, this.self);
    for (const evidence of book.of(this.id)?.versions ?? []) addTo(sum, evidence);
    const isNew = routers > this.heard;
    this.heard = routers;
    this.routers = routers + 1;
    this.sum = sum;
    const counted = withLosses(sum, losses.of(this.id));
    const of = (version: number): VersionEvidence => {
      const evidence = counted(version);
      return Object.assign(evidence, drifts.of(this.id.project, version, nowMs));
    };
    return { of, isNew };
  }

  /** Unless another rollout or experiment of the project has begun in the write that ended this one. */
  forget(): void {
    this.counts.book.forget(this.id.project, this.id.fromRevision);
    this.counts.gathered.forget(this.id.project, this.id.fromRevision);
  }
}

/** By project, what was thought last of those that ended. */
export class EndedOnes<T> {
  private readonly byProject = new Map<string, T>();

  keep(project: string, ended: T): void {
    putLast(this.byProject, project, ended, KEPT_MAX);
  }

  of(project: string): T | undefined {
    return this.byProject.get(project);
  }

  forget(project: string): void {
    this.byProject.delete(project);
  }
}
