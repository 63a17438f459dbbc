// Rules that send requests with a certain header (HTTP) or metadata entry (gRPC) to a version or a target of the route,
// before the split. In order, the first that fits and whose version is loaded decides; one whose version is not there
// is counted and passed over. Whole values and prefixes only: a pattern of somebody's own on the request path could
// hold it. Resolved when the route changes; a request costs one look-up and one comparison a rule.

import { type Route, readyVersions } from './route.js';

/** Rules of a project: each is asked of every request. */
export const MATCHES_MAX = 16;
/** As HTTP/2 carries names; gRPC's binary entries (-bin) are none to compare. */
export const MATCH_HEADER = '^(?!.*-bin$)[a-z0-9][a-z0-9_.-]{0,63}$';
/** Printable ASCII, as gRPC's metadata is. */
export const MATCH_VALUE = '^[ -~]{1,128}$';

/** One of `equals` and `prefix`, one of `version` and `target`. */
export interface MatchRule {
  header: string;
  equals?: string | undefined;
  prefix?: string | undefined;
  version?: number | undefined;
  /** Name of a target of the route, whatever version it is. */
  target?: string | undefined;
}

/** The headers of one request; '' = it has none of that name. */
export interface Headers {
  header(name: string): string;
}

interface Resolved {
  header: string;
  value: string;
  isPrefix: boolean;
  /** 0 = not loaded. */
  version: number;
}

export class Matches {
  private readonly rules: readonly Resolved[];

  constructor(
    rules: readonly MatchRule[],
    route: Route,
    /** A rule fits a request, and its version is not loaded. */
    private readonly fellThrough: () => void,
  ) {
    // One whose rollout was aborted gets nothing, though it is loaded still.
    const ended = route.rollout.phase === 'failed' ? route.rollout.version : 0;
    const ready = readyVersions(route).filter((version) => version !== ended);
    this.rules = rules.slice(0, MATCHES_MAX).map(({ header, equals, prefix, version, target }) => {
      const named = version ?? route.targets.find(({ name }) => name === target)?.version ?? 0;
      return {
        ...{ header, value: equals ?? prefix ?? '', isPrefix: equals === undefined },
        version: ready.includes(named) ? named : 0,
      };
    });
  }

  /** 0 = no rule decides. */
  versionFor(headers: Headers): number {
    for (const { header, value, isPrefix, version } of this.rules) {
      const told = headers.header(header);
      if (told === '' || !(isPrefix ? told.startsWith(value) : told === value)) continue;
      if (version !== 0) return version;
      this.fellThrough();
    }
    return 0;
  }
}
