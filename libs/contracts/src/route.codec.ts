// Codec of topic routes.v1 (compacted): proto millrace.route.v1.Route, key "<project>". Whether weights add up to 100 is
// the router's rule; here each stays within 0..100.

import { PlatformError } from '@millrace/domain';
import { RouteSchema } from './gen/millrace/route/v1/route_pb.js';
import { messageCodec } from './message-codec.js';

export const COLOURS = ['blue', 'green'] as const;
export const ROLLOUT_PHASES = ['idle', 'loading', 'ready', 'progressing', 'promoted', 'failed'] as const;

export interface RouteTarget {
  version: number;
  /** Percent of traffic, 0 to 100. */
  weight: number;
  colour: (typeof COLOURS)[number];
}

export interface RolloutState {
  phase: (typeof ROLLOUT_PHASES)[number];
  /** 0 while idle. */
  version: number;
  message: string;
}

export interface Route {
  project: string;
  /** Grows by one with each change; commands carry the revision they expect. */
  revision: number;
  /** Shares of live traffic; weights add up to 100. */
  targets: readonly RouteTarget[];
  /** Versions that serving must hold loaded: targets, the next one while it warms up, the previous one for rollback. */
  loadedVersions: readonly number[];
  /** The version a rollback returns to; 0 = none. */
  previousVersion: number;
  rollout?: RolloutState | undefined;
  changedAtMs: number;
  reason: string;
  correlationId: string;
  /** Ids of the newest commands that made this state, so that one delivered twice changes nothing. */
  recentCommandIds?: readonly string[];
}

const codec = messageCodec<Route>(RouteSchema, {
  Route: { required: ['project', 'revision'] },
  Target: { required: ['version'], closed: { colour: COLOURS } },
  Rollout: { closed: { phase: ROLLOUT_PHASES } },
});

export const encodeRoute = codec.encode;

export function decodeRoute(bytes: Uint8Array): Route {
  const route = codec.decode(bytes);
  for (const target of route.targets)
    if (target.weight < 0 || target.weight > 100)
      throw new PlatformError('corrupt', `Route weight ${target.weight} is outside 0..100`, {
        facts: { project: route.project },
      });
  return route;
}
