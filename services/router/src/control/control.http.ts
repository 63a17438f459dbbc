// The control API over HTTP (8003): JSON in, JSON out, bodies checked field by field. No decisions here.

import { PlatformError } from '@millrace/domain';
import { type RouteAction, TARGETS_MAX } from '@millrace/routing';
import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common';
import { Outcomes } from '../outcomes/outcomes.js';
import { routerStats } from '../outcomes/stats.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { Relay } from '../relay/relay.js';
import { RouteTable } from '../routing/route-table.js';
import { type CallerFacts, type ControlAnswer, RouteControl } from './route-control.js';

const PROJECT_PATTERN = /^[a-z][a-z0-9-]{0,62}$/;
const TEXT_LENGTH_MAX = 1_024;
const FIELDS = new Set(['version', 'weight', 'weights', 'reason', 'correlationId', 'expectedRevision', 'issuedBy']);

type Fields = Readonly<Record<string, unknown>>;

@Controller('v1')
export class ControlHttp {
  constructor(
    @Inject(RouteControl) private readonly control: RouteControl,
    @Inject(RouteTable) private readonly table: RouteTable,
    @Inject(SwitchLog) private readonly switches: SwitchLog,
    @Inject(Outcomes) private readonly outcomes: Outcomes,
    @Inject(Relay) private readonly relay: Relay,
  ) {}

  @Get('routes')
  listRoutes() {
    return { routes: this.table.all() };
  }

  @Get('projects/:project/route')
  getRoute(@Param('project') project: string) {
    const route = this.table.get(project);
    if (route === undefined) throw new PlatformError('not_found', `project '${project.slice(0, 64)}' has no route`);
    return { route };
  }

  @Post('projects/:project/rollouts')
  @HttpCode(200)
  startRollout(@Param('project') project: string, @Body() body: unknown) {
    const fields = object(body);
    return this.submit(project, fields, { kind: 'startRollout', version: whole(fields, 'version') });
  }

  @Post('projects/:project/promote')
  @HttpCode(200)
  promote(@Param('project') project: string, @Body() body: unknown) {
    const fields = object(body);
    return this.submit(project, fields, { kind: 'promote', version: whole(fields, 'version') });
  }

  @Post('projects/:project/rollback')
  @HttpCode(200)
  rollback(@Param('project') project: string, @Body() body: unknown) {
    return this.submit(project, object(body ?? {}), { kind: 'rollback' });
  }

  @Post('projects/:project/weights')
  @HttpCode(200)
  setWeights(@Param('project') project: string, @Body() body: unknown) {
    const fields = object(body);
    if (!Array.isArray(fields.weights) || fields.weights.length > TARGETS_MAX) {
      throw new PlatformError('invalid_argument', `weights is a list of 1 to ${TARGETS_MAX} {version, weight}`);
    }
    const weights = fields.weights.map((entry: unknown) => {
      const pair = object(entry);
      return { version: whole(pair, 'version'), weight: whole(pair, 'weight') };
    });
    return this.submit(project, fields, { kind: 'setWeights', weights });
  }

  @Get('projects/:project/switches')
  listSwitches(@Param('project') project: string) {
    return { switches: this.switches.list(project) };
  }

  @Get('stats')
  stats(@Query('project') project?: string) {
    return routerStats(this.outcomes, this.relay, project);
  }

  private submit(project: string, fields: Fields, action: RouteAction): Promise<ControlAnswer> {
    if (!PROJECT_PATTERN.test(project))
      throw new PlatformError('invalid_argument', 'the project is not a project name');
    const facts: CallerFacts = {
      project,
      issuedBy: text(fields, 'issuedBy') || 'http',
      reason: text(fields, 'reason'),
      correlationId: text(fields, 'correlationId'),
      expectedRevision: fields.expectedRevision === undefined ? 0 : whole(fields, 'expectedRevision'),
    };
    return this.control.submit(facts, action);
  }
}

/** A field that nobody reads is a typing error, and one in a command must not pass silently. */
function object(body: unknown): Fields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PlatformError('invalid_argument', 'the body is a JSON object');
  }
  if (Object.hasOwn(body, 'shadows')) {
    throw new PlatformError(
      'invalid_argument',
      'nothing sends to shadows yet: give the version a weight, or leave it out',
    );
  }
  const unknown = Object.keys(body).filter((name) => !FIELDS.has(name));
  if (unknown.length > 0) {
    const named = unknown.slice(0, 8).map((name) => name.slice(0, 64));
    throw new PlatformError('invalid_argument', `unknown fields: ${named.join(', ')}`);
  }
  return body as Fields;
}

function whole(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new PlatformError('invalid_argument', `${name} is a whole number, not negative`);
  }
  return value;
}

function text(fields: Fields, name: string): string {
  const value = fields[name] ?? '';
  if (typeof value !== 'string' || value.length > TEXT_LENGTH_MAX) {
    throw new PlatformError('invalid_argument', `${name} is a text of at most ${TEXT_LENGTH_MAX} characters`);
  }
  return value;
}
