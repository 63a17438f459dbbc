// What the API answers, made from the engine's state. Plain objects; a number that does not exist (AUC of one class) is
// null.

import type { AnswerOf, routerApi } from '@millrace/api';
import type { ModelVersion, SoftwareMetrics } from '@millrace/contracts';
import { ALL, type Cohort, cohortKey, parseCohortKey, sameCohort } from '@millrace/domain';
import { formulaOf } from '@millrace/drift';
import { type Evaluation, metricNamed } from '@millrace/evaluation';
import { rolloutProgress } from '@millrace/routing';
import type { CorrectionFinding } from '../alarms/drift-event.js';
import type { Episode } from '../alarms/project-alarms.js';
import type { Annotations } from '../live/annotations.js';
import { labelsSay } from '../live/labels-say.js';
import type { LastTold } from '../live/last-told.js';
import { type LiveTrafficByProject, POINTS_MAX } from '../live/live-traffic.js';
import type { Loops } from '../live/loops.js';
import type { Marks } from '../live/marks.js';
import { FIRST_STEPS, nextStep } from '../live/next-step.js';
import type { MetadataCache } from '../metadata/metadata-cache.js';
import type { TrafficHistory } from '../software/traffic-history.js';
import type { Engine } from '../windows/engine.js';
import type { WindowRecord } from '../windows/history.js';
import type { ProjectMonitor } from '../windows/project-monitor.js';
import { trafficOf } from './route-traffic.js';

/** Of a page of windows: a window has up to 65 cohorts of hundreds of tests, and is made and written in one go. */
const PAGE_TESTS_MAX = 10_000;

export interface ViewSources {
  engine: Engine;
  metadata: MetadataCache;
  traffic: TrafficHistory;
  liveTraffic: LiveTrafficByProject;
  annotations: Annotations;
  loops: Loops;
  /** null: a router has said that there was no rollout yet. */
  analyses: LastTold<RolloutAnalysis | null>;
  marks: Marks;
}

type RolloutAnalysis = NonNullable<AnswerOf<typeof routerApi.endpoints.analysis>['analysis']>;

/** What the charts of traffic show, at a point a second. */
const CHART_MS = POINTS_MAX * 1_000;

/** One closed window: a row per cohort, ALL first. */
function windowView({ startMs, endMs, revision, metrics }: WindowRecord) {
  const [all] = metrics;
  const labelsDueMs = all?.labelsDueMs ?? 0;
  return {
    startMs,
    endMs,
    closedAtMs: all?.closedAtMs ?? 0,
    qualityRevision: revision,
    labelsUntilMs: revision === 0 && labelsDueMs > 0 ? labelsDueMs : null,
    cohorts: metrics.map((row) => ({
      cohort: row.cohort,
      predictions: row.predictions,
      labels: row.labels,
      coverage: revision === 0 || row.predictions === 0 ? null : row.labels / row.predictions,
      quality: row.quality === undefined || row.quality.rows === 0 ? null : qualityView(row.quality),
      software: row.software === undefined ? null : softwareView(row.software),
      tests: row.tests.map((test) => ({ ...test, pValue: finite(test.pValue) })),
    })),
  };
}

/** At most `limit` windows that start before, newest first, and at least one where there is one. */
export function windowsPage({ engine }: ViewSources, project: string, limit: number, beforeMs?: number) {
  const page: WindowRecord[] = [];
  let tests = 0;
  for (const window of engine.windowsBefore(project, beforeMs)) {
    tests += window.metrics.reduce((sum, row) => sum + row.tests.length, 0);
    if (page.length === limit || (page.length > 0 && tests > PAGE_TESTS_MAX))
      return { page, nextBeforeMs: page.at(-1)?.startMs ?? null };
    page.push(window);
  }
  return { page, nextBeforeMs: null };
}

export function windowsView(sources: ViewSources, project: string, limit: number, beforeMs?: number) {
  const { page, nextBeforeMs } = windowsPage(sources, project, limit, beforeMs);
  return { project, windows: page.map(windowView), nextBeforeMs };
}

export function alarmsView({ metadata }: Pick<ViewSources, 'metadata'>, monitor: ProjectMonitor | undefined) {
  const isIdle = idleOf(metadata, monitor?.name ?? '');
  const alarms = monitor?.alarms.list() ?? [];
  return { alarms: alarms.map((alarm) => ({ ...alarm, idle: isIdle(alarm) })), active: monitor?.alarms.active ?? 0 };
}

/** Whether an alarm rings of a version that the route has left: until a window closes without it, it is not retired. */
function idleOf(metadata: Pick<MetadataCache, 'route'>, project: string): (alarm: Episode) => boolean {
  const served = servedBy(metadata, project).map(({ version }) => version);
  return ({ endedMs, cohort: { version } }) =>
    endedMs === null && version !== 'all' && served.length > 0 && !served.includes(version);
}

/** Arms of an experiment, too: the route has not left them. */
function servedBy(metadata: Pick<MetadataCache, 'route'>, project: string): { version: number; weight: number }[] {
  const route = metadata.route(project);
  return route === undefined ? [] : trafficOf(route).shares;
}

function alarmCounts(sources: ViewSources, monitor: ProjectMonitor | undefined) {
  const { alarms, active } = alarmsView(sources, monitor);
  return { activeAlarms: active, idleAlarms: alarms.filter(({ idle }) => idle).length };
}

/** Newest first: all of the windows that it takes to `limit`. */
export function driftEventsView(sources: ViewSources, project: string, limit: number, beforeMs?: number) {
  const driftEvents: ReturnType<typeof driftEventViews> = [];
  let reachedMs: number | undefined;
  for (const window of sources.engine.windowsBefore(project, beforeMs)) {
    const events = driftEventViews(window);
    if (events.length === 0) continue;
    if (reachedMs !== undefined && driftEvents.length + events.length > limit)
      return { project, driftEvents, nextBeforeMs: reachedMs };
    driftEvents.push(...events);
    reachedMs = window.startMs;
  }
  return { project, driftEvents, nextBeforeMs: null };
}

function driftEventViews({ drift, corrections }: WindowRecord) {
  return drift.map(({ id, data }) => ({
    ...{ id, ...data, formula: formulaOf(data.detector) },
    correction: correctionView(corrections.findLast((later) => later.data.corrects === id)),
  }));
}

function correctionView(correction: CorrectionFinding | undefined) {
  if (correction === undefined) return null;
  const { alarming, value, threshold, coverage = 0, message = '' } = correction.data;
  return { id: correction.id, alarming, value, threshold, coverage, message };
}

/**
 * By cohort over [fromMs, toMs), cut to whole quality buckets: `bucketMs` says how fine that is. Counts of many buckets
 * take long to add up: messages are read between cohorts.
 */
export async function qualityRangeView(monitor: ProjectMonitor, fromMs: number, toMs: number) {
  const { quality } = monitor;
  const cohorts: ({ cohort: Cohort } & ReturnType<typeof qualityView>)[] = [];
  for (const cohort of quality.list()) {
    const row = { cohort, ...qualityView(quality.figures(cohort, fromMs, toMs)) };
    if (row.labelledRows > 0) cohorts.push(row);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { project: monitor.name, fromMs: finite(fromMs), toMs: finite(toMs), bucketMs: quality.bucketMs, cohorts };
}

/** `labelsJoined`: of the cohort. */
export function labelsJoinedView({ name, counters }: ProjectMonitor, cohort: Cohort) {
  const { joinedByCohort } = counters;
  const labelsJoined = sameCohort(cohort, ALL) ? counters.labelsJoined : (joinedByCohort[cohortKey(cohort)] ?? 0);
  const byCohort = Object.entries(joinedByCohort).map(([key, joined]) => ({
    cohort: parseCohortKey(key),
    labelsJoined: joined,
  }));
  return { project: name, cohort, labelsJoined, byCohort, counters };
}

export function modelsView(sources: ViewSources, project: string, nowMs: number) {
  const monitor = sources.engine.monitor(project, nowMs);
  return sources.metadata.modelsOf(project).map((model) => ({
    version: model.version,
    blessed: model.blessed,
    reasons: model.reasons,
    verdict: model.verdict,
    champion: championView(model),
    auc: model.evaluation?.metrics.auc ?? null,
    logLoss: model.evaluation?.metrics.log_loss ?? null,
    evaluatedRows: model.evaluation?.rows ?? 0,
    trainRows: model.trainRows,
    trainSeconds: model.trainSeconds,
    workers: model.workers,
    datasetVersions: model.datasetVersions,
    sha256: model.modelSha256,
    createdAtMs: model.createdAtMs,
    baselines: model.baselines.map(({ name, evaluation }) => ({
      name,
      auc: evaluation?.metrics.auc ?? null,
      logLoss: evaluation?.metrics.log_loss ?? null,
    })),
    reference: referenceView(sources, monitor, project, model.version),
  }));
}

/** null: it had none to beat, or is of a release that did not say how it fared. */
function championView({ championVersion, championStanding = '', championComparison }: ModelVersion) {
  if (championVersion === 0 || championComparison === undefined) return null;
  const { metric, rows, difference, lower, upper, confidence } = championComparison;
  const title = metricNamed(metric).title;
  return {
    version: championVersion,
    standing: championStanding,
    metric: title,
    rows,
    difference,
    lower,
    upper,
    confidence,
  };
}

/** null: the version has answered nothing yet, or its package cannot be read. */
function referenceView(sources: ViewSources, monitor: ProjectMonitor | undefined, project: string, version: number) {
  const packaged = sources.metadata.reference(project, version)?.profile.rows;
  if (packaged !== undefined) return { source: 'package' as const, rows: packaged, of: packaged, complete: true };
  const own = monitor?.references.progress(version);
  return own === undefined
    ? null
    : { source: 'first_rows' as const, rows: own.rows, of: own.wanted, complete: own.complete };
}

/** Every project in a line, and the first steps where there is none. */
export function overviewView(sources: ViewSources, nowMs: number) {
  const projects = sources.metadata.projectNames().map((name) => {
    const monitor = sources.engine.monitor(name, nowMs);
    return {
      name,
      problem: sources.metadata.project(name)?.scope.problem ?? '',
      predictions: monitor?.counters.predictions ?? 0,
      predictionsPerSecond: sources.liveTraffic.get(name)?.recent().at(-1)?.predictions ?? 0,
      versions: sources.metadata.modelsOf(name).length,
      serving: servedBy(sources.metadata, name),
      ...alarmCounts(sources, monitor),
      loop: sources.loops.of(name, nowMs),
      next: nextView(sources, name, nowMs),
    };
  });
  return { atMs: nowMs, projects, next: projects.length === 0 ? FIRST_STEPS : null };
}

function nextView(sources: ViewSources, name: string, nowMs: number) {
  const project = sources.metadata.project(name);
  if (project === undefined) return null;
  return nextStep(project, {
    versions: sources.metadata.modelsOf(name),
    served: (sources.metadata.route(name)?.targets.length ?? 0) > 0,
    predictions: sources.engine.monitor(name, nowMs)?.counters.predictions ?? 0,
  });
}

/** Everything the dashboard shows that changes by the second. */
export function liveView(sources: ViewSources, project: string, nowMs: number) {
  const monitor = sources.engine.monitor(project, nowMs);
  const spec = sources.metadata.project(project);
  const traffic = sources.liveTraffic.get(project);
  return {
    project,
    atMs: nowMs,
    problem: spec?.scope.problem ?? '',
    minRows: spec?.monitoring.minRows ?? null,
    labelled: spec?.data.label !== undefined,
    closesAtMs: monitor?.closesAtMs ?? null,
    next: nextView(sources, project, nowMs),
    loop: sources.loops.of(project, nowMs),
    marks: sources.marks.of(project, nowMs - CHART_MS),
    route: routeView(sources, project, nowMs),
    analysis: sources.analyses.of(project, nowMs),
    point: traffic?.recent().at(-1) ?? null,
    router: sources.traffic.latest(project, nowMs) ?? null,
    watermarkMs: monitor === undefined ? null : finite(monitor.reached(nowMs, sources.engine.positions).rowsMs),
    openWindows: monitor?.openWindows() ?? [],
    counters: monitor?.counters ?? null,
    ...alarmCounts(sources, monitor),
    labelsSay: monitor === undefined ? '' : labelsSay(monitor.counters),
    lag: sources.engine.positions.lag,
    annotations: sources.annotations.of(project),
  };
}

export function statsView(sources: ViewSources) {
  const { engine } = sources;
  return {
    lag: engine.positions.lag,
    positions: engine.positions.state(),
    unknownProject: engine.unknownProject,
    replayed: engine.replayed,
    outbox: engine.outbox.length,
    projects: engine.names(),
  };
}

function routeView(sources: ViewSources, project: string, nowMs: number) {
  const route = sources.metadata.route(project);
  if (route === undefined) return null;
  const { revision, targets, loadedVersions, previousVersion, rollout, keepUntilMs, changedAtMs, reason } = route;
  const progress = rolloutProgress(route, nowMs) ?? null;
  const kept = keepUntilMs === undefined ? {} : { keepUntilMs };
  const held = { loadedVersions, previousVersion, ...kept };
  return { revision, targets, ...trafficOf(route), ...held, rollout, changedAtMs, reason, progress };
}

/** null: no data, which is not 0. */
function softwareView({ requestsPerSecond, requests, errorShare, p50Ms, p99Ms }: SoftwareMetrics) {
  return { requestsPerSecond, requests, errorShare: finite(errorShare), p50Ms: finite(p50Ms), p99Ms: finite(p99Ms) };
}

function qualityView(quality: Evaluation) {
  return {
    labelledRows: quality.rows,
    auc: finite(quality.metrics.auc),
    logLoss: finite(quality.metrics.log_loss),
    accuracy: finite(quality.metrics.accuracy),
    positiveShare: finite(quality.positiveShare),
    meanScore: finite(quality.meanScore),
  };
}

function finite(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
