// What of a snapshot file may be used. A route is what its codec would take from Kafka: one rule for both ways in.

import { decodeRoute, encodeRoute } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { emptyRoute, type MatchRule, type Route, type Switch } from '@millrace/routing';
import type { UpstreamEntry } from '../upstream/upstream-table.js';

export interface Snapshot {
  routes: Route[];
  switches: { project: string; entries: Switch[] }[];
  /** Whether a project's traffic is sticky. */
  sticky: Record<string, boolean>;
  /** A project's rules about headers; absent in snapshots of earlier releases. */
  matches?: Record<string, readonly MatchRule[]>;
  /** Versions of servers that are not ours; absent in snapshots of release 0.1. */
  upstreams?: UpstreamEntry[];
}

type Plain = Readonly<Record<string, unknown>>;
type Lost = (error: PlatformError) => void;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isOptionalText = (value: unknown): boolean => value === undefined || isText(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Everything of it that is whole; the rest is told. @throws PlatformError 'corrupt' where nothing is. */
export function checkedSnapshot(value: unknown, format: number, lost: Lost): Snapshot {
  if (!isPlain(value) || value.format !== format || !Array.isArray(value.routes))
    throw new PlatformError('corrupt', `the snapshot of routes is not of format ${format}`);
  const { switches, sticky, matches, upstreams } = value;
  return {
    routes: each('route', value.routes, lost, routeOf),
    switches: each('list of switches', switches, lost, ({ project, entries }) =>
      isText(project) && Array.isArray(entries) && entries.every(isSwitch) ? { project, entries } : undefined,
    ),
    sticky: byProject('stickiness', sticky, lost, (one) => typeof one === 'boolean'),
    matches: byProject<readonly MatchRule[]>('rules', matches, lost, (one) => Array.isArray(one) && one.every(isRule)),
    upstreams: each('version elsewhere', upstreams, lost, (one) =>
      isUpstream(one) ? (one as unknown as UpstreamEntry) : undefined,
    ),
  };
}

/** A snapshot of an earlier release lacks what routes had not yet. @throws where it is none */
function routeOf(value: Plain): Route {
  return decodeRoute(encodeRoute({ ...emptyRoute(''), ...value } as Route));
}

/** `undefined` or an error of `take`: it is none. */
function each<T>(what: string, values: unknown, lost: Lost, take: (value: Plain) => T | undefined): T[] {
  if (values === undefined) return [];
  if (!Array.isArray(values)) {
    lost(new PlatformError('corrupt', `the snapshot's list of each ${what} is none`));
    return [];
  }
  return values.flatMap((value: unknown, at) => {
    try {
      const taken = isPlain(value) ? take(value) : undefined;
      if (taken !== undefined) return [taken];
      lost(new PlatformError('corrupt', `${what} ${at} of the snapshot is none`));
    } catch (cause) {
      lost(new PlatformError('corrupt', `${what} ${at} of the snapshot is none: ${(cause as Error).message}`));
    }
    return [];
  });
}

function byProject<T>(what: string, values: unknown, lost: Lost, is: (value: unknown) => boolean): Record<string, T> {
  if (values === undefined) return {};
  if (!isPlain(values)) {
    lost(new PlatformError('corrupt', `the snapshot's ${what} of projects are none`));
    return {};
  }
  const kept = Object.entries(values).filter(([project, value]) => {
    if (is(value)) return true;
    lost(new PlatformError('corrupt', `the snapshot's ${what} of ${project.slice(0, 64)} are none`));
    return false;
  });
  return Object.fromEntries(kept) as Record<string, T>;
}

function isSwitch(value: unknown): value is Switch {
  if (!isPlain(value)) return false;
  const { atMs, fromVersion, toVersion, reason, correlationId, revision, effectiveMs, failed } = value;
  const counts = [fromVersion, toVersion, revision, failed];
  return counts.every(isCount) && [atMs, effectiveMs].every(Number.isFinite) && isText(reason) && isText(correlationId);
}

function isRule(value: unknown): boolean {
  if (!isPlain(value) || !isText(value.header)) return false;
  const { equals, prefix, version, target } = value;
  return [equals, prefix, target].every(isOptionalText) && (version === undefined || isCount(version));
}

function isUpstream({ project, version, modelSha256, packagePath, upstream }: Plain): boolean {
  return [project, modelSha256, packagePath].every(isText) && isCount(version) && isPlain(upstream);
}
