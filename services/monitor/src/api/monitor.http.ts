// The monitor's HTTP API (8040): JSON for programs and the dashboard. Limits on what may be asked stand here; what is answered
// is made in views.ts.

import { ALL, type Clock, PlatformError, parseCohortKey } from '@millrace/domain';
import { FORMULAS, SUBJECTS } from '@millrace/drift';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import { parseAnnotation } from '../live/annotations.js';
import type { ProjectMonitor } from '../windows/project-monitor.js';
import {
  alarmsView,
  driftEventsView,
  labelsJoinedView,
  liveView,
  modelsView,
  qualityRangeView,
  statsView,
  type ViewSources,
  windowsView,
} from './views.js';

export const VIEW_SOURCES = Symbol('VIEW_SOURCES');
export const CLOCK = Symbol('CLOCK');

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1_000;
const SUBJECT_TITLES = Object.fromEntries(
  Object.values(SUBJECTS).flatMap((subject) => ('name' in subject ? [[subject.name, subject.title]] : [])),
);

@Controller('v1')
export class MonitorHttp {
  constructor(
    @Inject(VIEW_SOURCES) private readonly sources: ViewSources,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('projects')
  projects() {
    return { projects: this.sources.metadata.projectNames() };
  }

  /** How each test's number comes about, by the test's name; for people, subjects that are no features, by theirs. */
  @Get('detectors')
  detectors() {
    return { formulas: FORMULAS, subjects: SUBJECT_TITLES };
  }

  @Get('stats')
  stats() {
    return statsView(this.sources);
  }

  @Get('projects/:project/windows')
  windows(@Param('project') project: string, @Query('limit') limit?: string) {
    this.monitor(project);
    return windowsView(this.sources, project, limitOf(limit));
  }

  @Get('projects/:project/alarms')
  alarms(@Param('project') project: string) {
    return { project, ...alarmsView(this.monitor(project)) };
  }

  @Get('projects/:project/drift-events')
  driftEvents(@Param('project') project: string, @Query('limit') limit?: string) {
    this.monitor(project);
    return driftEventsView(this.sources, project, limitOf(limit));
  }

  @Get('projects/:project/quality')
  quality(@Param('project') project: string, @Query('fromMs') from?: string, @Query('toMs') to?: string) {
    const fromMs = timeOf(from, 'fromMs', Number.NEGATIVE_INFINITY);
    const toMs = timeOf(to, 'toMs', Number.POSITIVE_INFINITY);
    return qualityRangeView(this.monitor(project), fromMs, toMs);
  }

  @Get('projects/:project/labels-joined')
  labelsJoined(@Param('project') project: string, @Query('cohort') key?: string) {
    const monitor = this.monitor(project);
    const cohort = key === undefined || key === '' ? ALL : parseCohortKey(key);
    if (cohort === undefined)
      throw new PlatformError('invalid_argument', 'cohort must be such as all, 3 or 3;column=value');
    return labelsJoinedView(monitor, cohort);
  }

  @Get('projects/:project/models')
  models(@Param('project') project: string) {
    this.monitor(project);
    return { project, models: modelsView(this.sources, project) };
  }

  /** The last five minutes, a point a second. */
  @Get('projects/:project/pulse')
  recent(@Param('project') project: string) {
    this.monitor(project);
    return { project, points: this.sources.liveTraffic.get(project)?.recent() ?? [] };
  }

  /** What `live` streams, once. */
  @Get('projects/:project/now')
  now(@Param('project') project: string) {
    this.monitor(project);
    return liveView(this.sources, project, this.clock.nowMs());
  }

  @Get('projects/:project/annotations')
  annotations(@Param('project') project: string) {
    return { project, annotations: this.sources.annotations.of(project) };
  }

  /** Any client may say what goes on; also before the project is known here. */
  @Put('projects/:project/annotations/:id')
  annotate(@Param('project') project: string, @Param('id') id: string, @Body() body: unknown) {
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(project)) throw new PlatformError('invalid_argument', 'bad project name');
    const parsed = parseAnnotation(id, body, this.clock.nowMs());
    if (parsed.kind === 'invalid') throw new PlatformError('invalid_argument', parsed.fault);
    this.sources.annotations.put(project, parsed.annotation);
    return parsed.annotation;
  }

  @Delete('projects/:project/annotations/:id')
  @HttpCode(204)
  unannotate(@Param('project') project: string, @Param('id') id: string): void {
    this.sources.annotations.remove(project, id);
  }

  private monitor(project: string): ProjectMonitor {
    const monitor = this.sources.engine.monitor(project, this.clock.nowMs());
    if (monitor === undefined) throw new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
    return monitor;
  }
}

function limitOf(text: string | undefined): number {
  if (text === undefined || text === '') return LIMIT_DEFAULT;
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw new PlatformError('invalid_argument', `limit must be a whole number from 1 to ${LIMIT_MAX}`);
  }
  return limit;
}

function timeOf(text: string | undefined, name: string, absent: number): number {
  if (text === undefined || text === '') return absent;
  const time = Number(text);
  if (!Number.isFinite(time))
    throw new PlatformError('invalid_argument', `${name} must be milliseconds since the epoch`);
  return time;
}
