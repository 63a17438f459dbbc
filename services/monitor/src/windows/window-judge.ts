// The judgements of a project's windows: of software, inputs and scores when a window closes, of quality when its
// labels are there, and of quality again when late labels came. A verdict that is first about its window feeds the
// alarm; a later one corrects what was said, and rings nothing. It gets what all partitions counted together, and
// knows of none. No state but the window's own.

import type { SoftwareMetrics, WindowMetrics } from '@millrace/contracts';
import type { Cohort } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import type { HistogramCell } from '@millrace/statistics';
import { correctionFinding, type DriftContext, driftFinding, endFinding } from '../alarms/drift-event.js';
import type { ProjectAlarms } from '../alarms/project-alarms.js';
import { judgeQuality, judgeRows } from '../judgement/judge.js';
import type { SubjectVerdict } from '../judgement/verdict.js';
import type { ProjectQuality } from '../quality/project-quality.js';
import type { ClosedWindow } from './closed-window.js';
import type { JudgedWindow } from './judged-window.js';
import type { CohortRows } from './part.js';
import type { CohortProfile } from './profile.js';
import type { ModelMetadata, TrafficRecord } from './sources.js';

export class WindowJudge {
  constructor(
    private readonly project: () => Project,
    private readonly quality: ProjectQuality,
    private readonly alarms: ProjectAlarms,
    private readonly metadata: ModelMetadata,
    private readonly traffic: TrafficRecord,
  ) {}

  /** Software, inputs and scores of the profiles of a window that closes, ALL first. */
  close(window: JudgedWindow, profiles: readonly CohortProfile[], nowMs: number): ClosedWindow {
    const closed = this.judgement(window, 0);
    const { startMs, endMs } = closed;
    const serving = new Set<number>();
    for (const profile of profiles) {
      const { cohort, rows } = profile;
      if (cohort.version !== 'all') serving.add(cohort.version);
      const software = this.softwareOf(profile);
      const { features, score } = profile;
      const { monitoring } = this.project();
      const { tests, verdicts, histogram } = judgeRows({ monitoring, rows, features, score, software });
      closed.metrics.push({ ...this.row(closed, cohort, nowMs), predictions: rows, labels: 0, tests, software });
      for (const verdict of verdicts) {
        const context = { project: this.project().name, cohort, startMs, endMs, rows };
        this.feed(closed, context, verdict, () => histogram(verdict.subject));
      }
    }
    this.alarms.retire(serving, endMs);
    return closed;
  }

  /** Quality of a closed window, of the labels that came so far. `cohorts`: how many rows each has, ALL first. */
  judgeQuality(window: JudgedWindow, cohorts: readonly CohortRows[], nowMs: number): ClosedWindow {
    window.revision += 1;
    const closed = this.judgement(window, window.revision);
    const { startMs, endMs } = closed;
    for (const { cohort, rows } of cohorts) {
      const quality = this.quality.figures(cohort, startMs, endMs);
      const { monitoring } = this.project();
      const { tests, verdicts } = judgeQuality({ monitoring, quality, evaluation: this.evaluationOf(cohort) });
      const labels = quality.rows;
      closed.metrics.push({ ...this.row(closed, cohort, nowMs), predictions: rows, labels, tests, quality });
      for (const verdict of verdicts) this.tell(closed, window, { cohort, rows }, verdict, labels);
    }
    return closed;
  }

  private tell(
    closed: ClosedWindow,
    window: JudgedWindow,
    { cohort, rows }: CohortRows,
    verdict: SubjectVerdict,
    labels: number,
  ): void {
    const { startMs, endMs, revision } = closed;
    const known = window.verdictOf(cohort);
    const { alarming: before, eventId } = known;
    const context = { project: this.project().name, cohort, startMs, endMs, rows, labels };
    known.alarming = verdict.alarming;
    if (before === undefined) {
      const eventId = this.feed(closed, context, verdict, () => []);
      if (eventId !== undefined) known.eventId = eventId;
      return;
    }
    if (before && !verdict.alarming) {
      this.alarms.correct(cohort, verdict.subject, closed);
      this.tellEnd(closed, context, verdict, 'corrected');
    }
    if (cohort.version === 'all' || (before === verdict.alarming && eventId === undefined)) return;
    closed.corrections.push(correctionFinding({ ...context, revision, corrects: eventId ?? null }, verdict));
  }

  /** A verdict that is first about its window. Gives the id of the drift event that came of it. */
  private feed(
    closed: ClosedWindow,
    context: DriftContext,
    verdict: SubjectVerdict,
    histogram: () => readonly HistogramCell[],
  ): string | undefined {
    const { cohort } = context;
    const change = this.alarms.feed(cohort, verdict, closed);
    if (change === 'calmed') this.tellEnd(closed, context, verdict, 'calm');
    const isTold = change === 'drifted' || change === 'resumed';
    if (!isTold || cohort.version === 'all') return undefined;
    const before = change === 'resumed' ? this.alarms.toldOf(cohort, verdict.subject) : undefined;
    const finding = driftFinding(context, verdict, histogram(), before?.id);
    this.alarms.told(cohort, verdict.subject, { id: finding.id, correlationId: finding.data.correlationId });
    closed.drift.push(finding);
    return finding.id;
  }

  private tellEnd(
    closed: ClosedWindow,
    context: DriftContext,
    verdict: SubjectVerdict,
    reason: 'calm' | 'corrected',
  ): void {
    const told = this.alarms.takeTold(context.cohort, verdict.subject, reason);
    if (told !== undefined) closed.ended.push(endFinding(context, verdict, { ...told, reason }));
  }

  private judgement({ startMs }: JudgedWindow, revision: number): ClosedWindow {
    const endMs = startMs + this.project().monitoring.windowMs;
    return { startMs, endMs, revision, metrics: [], drift: [], corrections: [], ended: [] };
  }

  private row({ startMs, endMs, revision }: ClosedWindow, cohort: Cohort, nowMs: number) {
    const { name, data, monitoring } = this.project();
    const labelsDueMs = data.label === undefined ? 0 : endMs + data.label.delayMs + monitoring.allowedLatenessMs;
    return {
      ...{ project: name, windowStartMs: startMs, windowEndMs: endMs, cohort },
      ...{ closedAtMs: nowMs, revision, labelsDueMs },
    } satisfies Partial<WindowMetrics>;
  }

  /** undefined for a slice: nobody knows which requests that failed would have belonged to it. */
  private softwareOf(profile: CohortProfile): SoftwareMetrics | undefined {
    const { cohort, rows, latencyUs, firstAnsweredMs: first, lastAnsweredMs: last } = profile;
    if (cohort.slice !== 'all') return undefined;
    const { requests, failures } = this.traffic.between(this.project().name, cohort.version, first, last);
    const quantileMs = (q: number) => (latencyUs.count === 0 ? Number.NaN : latencyUs.quantileUs(q) / 1000);
    return {
      requestsPerSecond: last > first ? (rows * 1000) / (last - first) : rows,
      requests,
      errorShare: requests === 0 ? Number.NaN : failures / requests,
      p50Ms: quantileMs(0.5),
      p99Ms: quantileMs(0.99),
    };
  }

  /**
   * How good the version was when it was trained, on rows of every slice; undefined where unknown or not comparable.
   */
  private evaluationOf({ version, slice }: Cohort): Evaluation | undefined {
    if (version === 'all' || slice !== 'all') return undefined;
    return this.metadata.evaluation(this.project().name, version);
  }
}
