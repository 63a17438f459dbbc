// The control API over HTTP (8003): JSON in, JSON out, as libs/api says. No decisions here.

import { bodyOf, type CalledFrom, queryOf, routerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { previewVersion, type RouteAction, SHADOW_SHARE_DEFAULT } from '@millrace/routing';
import { Answers, Caller } from '@millrace/service';
import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import { Analyst } from '../analysis/analyst.js';
import { ExperimentAnalyst } from '../analysis/experiment-analyst.js';
import { Outcomes } from '../outcomes/outcomes.js';
import { routerStats } from '../outcomes/stats.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { Relay } from '../relay/relay.js';
import { RouteTable } from '../routing/route-table.js';
import { ShadowTraffic } from '../shadows/shadow-traffic.js';
import { type CallerFacts, type ControlAnswer, RouteControl, refuseNameless } from './route-control.js';

const PROJECT_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;

const { routes, route, startRollout, promote, rollback, setWeights, setShadows } = routerApi.endpoints;
const { switches, stats, analysis } = routerApi.endpoints;
const { startExperiment, experiment, setExperimentWeights, endExperiment } = routerApi.endpoints;
const { advanceRollout, pauseRollout, resumeRollout, abortRollout } = routerApi.endpoints;

/** What every command carries beside its action. */
type CommandFields = Partial<Omit<CallerFacts, 'project'>>;

@Controller()
export class ControlHttp {
  constructor(
    @Inject(RouteControl) private readonly control: RouteControl,
    @Inject(RouteTable) private readonly table: RouteTable,
    @Inject(SwitchLog) private readonly switchLog: SwitchLog,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
    @Inject(Relay) private readonly relay: Relay,
    @Inject(ShadowTraffic) private readonly shadows: ShadowTraffic,
    @Inject(Analyst) private readonly analyst: Analyst,
    @Inject(ExperimentAnalyst) private readonly experiments: ExperimentAnalyst,
  ) {}

  @Answers(routes)
  listRoutes() {
    return { routes: this.table.all() };
  }

  @Answers(route)
  getRoute(@Param('project') project: string) {
    const known = this.table.get(project);
    if (known === undefined) throw new PlatformError('not_found', `project '${project.slice(0, 64)}' has no route`);
    return { route: known, preview: previewVersion(known) };
  }

  @Answers(startRollout)
  startRollout(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { version, force = false, ...fields } = bodyOf(startRollout, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'startRollout', version, force });
  }

  @Answers(promote)
  promote(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { version, ...fields } = bodyOf(promote, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'promote', version });
  }

  @Answers(rollback)
  rollback(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    return this.submit(project, { ...bodyOf(rollback, body), ...caller }, { kind: 'rollback' });
  }

  @Answers(setWeights)
  setWeights(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { weights, ...fields } = bodyOf(setWeights, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'setWeights', weights });
  }

  @Answers(setShadows)
  setShadows(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { versions, share = SHADOW_SHARE_DEFAULT, ...fields } = bodyOf(setShadows, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'setShadows', versions, share });
  }

  @Answers(advanceRollout)
  advanceRollout(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    return this.ofRollout(project, 'advance', { ...bodyOf(advanceRollout, body), ...caller });
  }

  @Answers(pauseRollout)
  pauseRollout(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    return this.ofRollout(project, 'pause', { ...bodyOf(pauseRollout, body), ...caller });
  }

  @Answers(resumeRollout)
  resumeRollout(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    return this.ofRollout(project, 'resume', { ...bodyOf(resumeRollout, body), ...caller });
  }

  @Answers(abortRollout)
  abortRollout(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    return this.ofRollout(project, 'abort', { ...bodyOf(abortRollout, body), ...caller });
  }

  @Answers(startExperiment)
  startExperiment(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { name, arms, control = 0, share = 100, forMs, force = false, ...fields } = bodyOf(startExperiment, body);
    const action = { kind: 'startExperiment' as const, name, arms, control, share, forMs, force };
    return this.submit(project, { ...fields, ...caller }, action);
  }

  @Answers(experiment)
  getExperiment(@Param('project') project: string) {
    return { experiment: this.experiments.of(this.table.routeOrEmpty(project)) ?? null };
  }

  @Answers(setExperimentWeights)
  setExperimentWeights(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { name = '', weights, share = 0, ...fields } = bodyOf(setExperimentWeights, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'setExperimentWeights', name, weights, share });
  }

  @Answers(endExperiment)
  endExperiment(@Param('project') project: string, @Body() body: unknown, @Caller() caller: CalledFrom) {
    const { name = '', winner = 0, ...fields } = bodyOf(endExperiment, body);
    return this.submit(project, { ...fields, ...caller }, { kind: 'endExperiment', name, winner });
  }

  @Answers(analysis)
  getAnalysis(@Param('project') project: string) {
    return { analysis: this.analyst.of(project) ?? null };
  }

  @Answers(switches)
  listSwitches(@Param('project') project: string) {
    return { switches: this.switchLog.list(project) };
  }

  @Answers(stats)
  stats(@Query() query: Record<string, unknown>) {
    const { project } = queryOf(stats, query);
    return { ...routerStats(this.outcomes, this.relay, project), shadows: this.shadows.stats(project) };
  }

  private ofRollout(
    project: string,
    kind: 'advance' | 'pause' | 'resume' | 'abort',
    { version = 0, ...fields }: CommandFields & { version?: number },
  ): Promise<ControlAnswer> {
    return this.submit(project, fields, { kind, version });
  }

  private submit(project: string, fields: CommandFields, action: RouteAction): Promise<ControlAnswer> {
    if (!PROJECT_PATTERN.test(project))
      throw new PlatformError('invalid_argument', 'the project is not a project name');
    const {
      issuedBy = '',
      reason = '',
      correlationId = '',
      expectedRevision = 0,
      tool = 'http',
      address = '',
    } = fields;
    refuseNameless(action, issuedBy);
    return this.control.submit(
      { project, issuedBy: issuedBy || tool, reason, correlationId, expectedRevision, tool, address },
      action,
    );
  }
}
