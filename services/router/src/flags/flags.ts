// "Which version for this user": a project is a feature flag whose value is the model version that answers an entity,
// as OFREP 0.3 asks and is answered (OpenFeature's remote evaluation protocol). The version is taken from the very
// table that requests are routed by, so that both always say the same; nothing is counted and nothing changes.
//
// One target: STATIC. Several, and entities stay with one version: SPLIT, by the entity. Several, and each request is
// drawn by itself: by the request's id, where the context names it as `requestId`; else nobody knows yet, which is
// UNKNOWN without a value: the caller's default holds. Who takes part in an experiment: SPLIT, with the arm's name as
// the variant and the experiment's in the metadata. No version in service: DISABLED without a value.

import { PROJECTS_MAX } from '@millrace/domain';
import { armName, type Drawn, type Route } from '@millrace/routing';
import { ENTITY_LENGTH_MAX, REQUEST_ID_LENGTH_MAX } from '../endpoints/request-limits.js';
import type { RouteTable } from '../routing/route-table.js';

/** OpenFeature's words. */
export type FlagReason = 'STATIC' | 'SPLIT' | 'DISABLED' | 'UNKNOWN';
export type FlagError = 'PARSE_ERROR' | 'INVALID_CONTEXT' | 'TARGETING_KEY_MISSING' | 'FLAG_NOT_FOUND' | 'GENERAL';

export interface FlagValue {
  readonly key: string;
  /** Absent: the caller's own default holds. */
  readonly value?: number;
  readonly variant?: string;
  readonly reason: FlagReason;
  readonly metadata: Readonly<Record<string, string | number | boolean>>;
}

export interface FlagFault {
  readonly errorCode: FlagError;
  readonly errorDetails: string;
}

/** Whose version is asked for. */
export interface FlagContext {
  readonly entity: string;
  /** '' = not named. */
  readonly requestId: string;
}

export type ReadContext = { kind: 'ok'; context: FlagContext } | { kind: 'fault'; fault: FlagFault };

/** A key as it is repeated to who sent it; projects have at most 63. */
const KEY_SHOWN_MAX = 64;

export class Flags {
  constructor(
    private readonly table: RouteTable,
    /** Projects that have no route yet are flags, too. */
    private readonly knownProject: (project: string) => boolean,
  ) {}

  /** undefined: there is no such project. */
  evaluate(key: string, context: FlagContext): FlagValue | undefined {
    const route = this.table.get(key);
    if (route !== undefined) return this.ofRoute(route, context);
    return this.knownProject(key) ? { key, reason: 'DISABLED', metadata: { revision: 0 } } : undefined;
  }

  /** Every project that has a route, by name: at most PROJECTS_MAX. */
  evaluateAll(context: FlagContext): FlagValue[] {
    const routes = this.table.all().sort((a, b) => (a.project < b.project ? -1 : 1));
    return routes.slice(0, PROJECTS_MAX).map((route) => this.ofRoute(route, context));
  }

  private ofRoute(route: Route, { entity, requestId }: FlagContext): FlagValue {
    const { project: key, revision, targets } = route;
    const sticky = this.table.isSticky(key);
    if (targets.length === 0) return { key, reason: 'DISABLED', metadata: { revision, sticky } };
    const drawn = this.table.drawn(key, entity, requestId);
    if (drawn !== undefined && drawn.version !== 0) return ofArm(route, drawn, sticky);
    if (targets.length > 1 && !sticky && requestId === '') {
      const split = targets.map(({ version, weight }) => `${version}=${weight}%`).join(', ');
      return { key, reason: 'UNKNOWN', metadata: { revision, sticky, split, says: DRAWN_BY_REQUEST } };
    }
    const choice = this.table.choose(key, entity, requestId, 0);
    const target = choice.kind === 'chosen' ? targets.find(({ version }) => version === choice.live) : undefined;
    if (target === undefined) return { key, reason: 'DISABLED', metadata: { revision, sticky } };
    return {
      key,
      value: target.version,
      variant: target.name,
      reason: targets.length === 1 ? 'STATIC' : 'SPLIT',
      metadata: { revision, sticky, weight: target.weight },
    };
  }
}

/** Of who takes part in an experiment; an entity always has the same arm, whatever the project says of its split. */
function ofArm({ project: key, revision }: Route, { experiment, arm, version }: Drawn, sticky: boolean): FlagValue {
  const { name, share, arms } = experiment;
  const { weight = 0 } = arms.find((one) => one.version === version) ?? {};
  const instead: FlagValue['metadata'] = version === arm.version ? {} : { insteadOf: armName(experiment, arm.version) };
  return {
    key,
    value: version,
    variant: armName(experiment, version),
    reason: 'SPLIT',
    metadata: { revision, sticky, weight: (weight * share) / 100, experiment: name, ...instead },
  };
}

const DRAWN_BY_REQUEST =
  'rollout.sticky is off: each request is drawn by its id; name it as requestId in the context to know its version';

/**
 * The context of a request's body. A targeting key is asked for even where one version answers all: who sends none is
 * to learn it now, not on the day of the first canary.
 */
export function contextOf(body: unknown): ReadContext {
  if (!isObject(body)) return fault('PARSE_ERROR', 'the body is a JSON object: {"context": {"targetingKey": "…"}}');
  const { context } = body;
  if (context === undefined || context === null)
    return fault('TARGETING_KEY_MISSING', 'context is missing: {"context": {"targetingKey": "<entity>"}}');
  if (!isObject(context)) return fault('INVALID_CONTEXT', 'context is an object: {"targetingKey": "<entity>"}');
  const { targetingKey, requestId = '' } = context;
  if (targetingKey === undefined || targetingKey === null || targetingKey === '')
    return fault('TARGETING_KEY_MISSING', 'context.targetingKey is missing: the entity that predictions are asked for');
  if (typeof targetingKey !== 'string' || targetingKey.length > ENTITY_LENGTH_MAX)
    return fault('INVALID_CONTEXT', `context.targetingKey is a text of at most ${ENTITY_LENGTH_MAX} characters`);
  if (typeof requestId !== 'string' || requestId.length > REQUEST_ID_LENGTH_MAX)
    return fault('INVALID_CONTEXT', `context.requestId is a text of at most ${REQUEST_ID_LENGTH_MAX} characters`);
  return { kind: 'ok', context: { entity: targetingKey, requestId } };
}

export function notFound(key: string): FlagFault {
  const errorDetails = `there is no project '${key.slice(0, KEY_SHOWN_MAX)}'; each project is a flag of its name`;
  return { errorCode: 'FLAG_NOT_FOUND', errorDetails };
}

function fault(errorCode: FlagError, errorDetails: string): ReadContext {
  return { kind: 'fault', fault: { errorCode, errorDetails } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
