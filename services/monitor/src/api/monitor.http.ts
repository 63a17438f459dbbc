// The monitor's HTTP API (8040), as libs/api says: JSON for programs and the dashboard. What is answered is made in
// views.ts.

import { bodyOf, monitorApi, queryOf } from '@millrace/api';
import { ALL, type Clock, PlatformError, parseCohortKey } from '@millrace/domain';
import { FORMULAS, SUBJECTS } from '@millrace/drift';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import type { Ground } from '../goodness/version-good.js';
import { annotationOf } from '../live/annotations.js';
import type { ProjectMonitor } from '../windows/project-monitor.js';
import { versionGoodView } from './good-view.js';
import {
  alarmsView,
  driftEventsView,
  labelsJoinedView,
  liveView,
  modelsView,
  overviewView,
  qualityRangeView,
  statsView,
  type ViewSources,
  windowsView,
} from './views.js';

export const VIEW_SOURCES = Symbol('VIEW_SOURCES');
export const CLOCK = Symbol('CLOCK');

const LIMIT_DEFAULT = 100;
const VERSION_PATTERN = /^[1-9][0-9]{0,8}$/;
const SUBJECT_TITLES = Object.fromEntries(
  Object.values(SUBJECTS).flatMap((subject) => ('name' in subject ? [[subject.name, subject.title]] : [])),
);

const calls = monitorApi.endpoints;
type Parameters = Readonly<Record<string, unknown>>;

@Controller()
export class MonitorHttp {
  constructor(
    @Inject(VIEW_SOURCES) private readonly sources: ViewSources,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Answers(calls.projects)
  projects() {
    return { projects: this.sources.metadata.projectNames() };
  }

  @Answers(calls.overview)
  overview() {
    return overviewView(this.sources, this.clock.nowMs());
  }

  /** How each test's number comes about, by the test's name; for people, subjects that are no features, by theirs. */
  @Answers(calls.detectors)
  detectors() {
    return { formulas: FORMULAS, subjects: SUBJECT_TITLES };
  }

  @Answers(calls.stats)
  stats() {
    return statsView(this.sources);
  }

  @Answers(calls.windows)
  windows(@Param('project') project: string, @Query() query: Parameters) {
    const { limit = LIMIT_DEFAULT, beforeMs } = queryOf(calls.windows, query);
    this.monitor(project);
    return windowsView(this.sources, project, limit, beforeMs);
  }

  @Answers(calls.alarms)
  alarms(@Param('project') project: string) {
    return { project, ...alarmsView(this.sources, this.monitor(project)) };
  }

  @Answers(calls.driftEvents)
  driftEvents(@Param('project') project: string, @Query() query: Parameters) {
    const { limit = LIMIT_DEFAULT, beforeMs } = queryOf(calls.driftEvents, query);
    this.monitor(project);
    return driftEventsView(this.sources, project, limit, beforeMs);
  }

  @Answers(calls.quality)
  quality(@Param('project') project: string, @Query() query: Parameters) {
    const range = queryOf(calls.quality, query);
    const { fromMs = Number.NEGATIVE_INFINITY, toMs = Number.POSITIVE_INFINITY } = range;
    return qualityRangeView(this.monitor(project), fromMs, toMs);
  }

  @Answers(calls.labelsJoined)
  labelsJoined(@Param('project') project: string, @Query() query: Parameters) {
    const { cohort: key } = queryOf(calls.labelsJoined, query);
    const monitor = this.monitor(project);
    const cohort = key === undefined ? ALL : parseCohortKey(key);
    if (cohort === undefined)
      throw new PlatformError('invalid_argument', 'cohort must be such as all, 3 or 3;column=value');
    return labelsJoinedView(monitor, cohort);
  }

  @Answers(calls.models)
  models(@Param('project') project: string) {
    this.monitor(project);
    return { project, models: modelsView(this.sources, project, this.clock.nowMs()) };
  }

  /** 200 whatever the verdict: a metric reads it out of the body, and what is no answer is an error. */
  @Answers(calls.versionGood)
  versionGood(@Param('project') project: string, @Param('version') text: string, @Query() query: Parameters) {
    const { require = '' } = queryOf(calls.versionGood, query);
    if (!VERSION_PATTERN.test(text)) throw new PlatformError('invalid_argument', 'the version is 1, 2, 3 …');
    return versionGoodView(this.sources, {
      project,
      version: Number(text),
      nowMs: this.clock.nowMs(),
      required: require === '' ? [] : (require.split(',') as Ground[]),
    });
  }

  /** The last five minutes, a point a second. */
  @Answers(calls.pulse)
  recent(@Param('project') project: string) {
    this.monitor(project);
    return { project, points: this.sources.liveTraffic.get(project)?.recent() ?? [] };
  }

  /** What `live` streams, once. */
  @Answers(calls.now)
  now(@Param('project') project: string) {
    this.monitor(project);
    return liveView(this.sources, project, this.clock.nowMs());
  }

  @Answers(calls.annotations)
  annotations(@Param('project') project: string) {
    return { project, annotations: this.sources.annotations.of(project) };
  }

  /** Any client may say what goes on; also before the project is known here. */
  @Answers(calls.annotate)
  annotate(@Param('project') project: string, @Param('id') id: string, @Body() body: unknown) {
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(project)) throw new PlatformError('invalid_argument', 'bad project name');
    const annotation = annotationOf(id, bodyOf(calls.annotate, body), this.clock.nowMs());
    this.sources.annotations.put(project, annotation);
    return annotation;
  }

  @Answers(calls.unannotate)
  unannotate(@Param('project') project: string, @Param('id') id: string): void {
    this.sources.annotations.remove(project, id);
  }

  private monitor(project: string): ProjectMonitor {
    const monitor = this.sources.engine.monitor(project, this.clock.nowMs());
    if (monitor === undefined) throw new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
    return monitor;
  }
}
