// Codec of topic routes.v1 (compacted): proto millrace.route.v1.Route, key "<project>". The shape and its rules are
// libs/routing's; here only what could not be read as one is refused. Shadows have no field yet, as nothing sends to
// them.

import { PlatformError } from '@millrace/domain';
import { emptyRoute, ROLLOUT_PHASES, type Route, TARGET_NAME } from '@millrace/routing';
import { RouteSchema } from './gen/millrace/route/v1/route_pb.js';
import { messageCodec } from './message-codec.js';

type WireRoute = Omit<Route, 'shadows' | 'rollout'> & Partial<Pick<Route, 'rollout'>>;

const codec = messageCodec<WireRoute>(RouteSchema, {
  Route: { required: ['project', 'revision'] },
  Target: { required: ['version', 'name'] },
  Rollout: { closed: { phase: ROLLOUT_PHASES } },
});

export function encodeRoute(route: Route): Uint8Array {
  if (route.shadows.length > 0) {
    throw new PlatformError('unimplemented', 'a route with shadows has no wire form yet: give the versions a weight');
  }
  return codec.encode(route);
}

export function decodeRoute(bytes: Uint8Array): Route {
  const route = codec.decode(bytes);
  for (const { weight, name } of route.targets) {
    const fault =
      weight < 0 || weight > 100
        ? `weight ${weight} is outside 0..100`
        : TARGET_NAME.test(name)
          ? ''
          : `target name "${name.slice(0, 64)}" is not ${TARGET_NAME.source}`;
    if (fault !== '') throw new PlatformError('corrupt', `Route ${fault}`, { facts: { project: route.project } });
  }
  return { ...route, shadows: [], rollout: route.rollout ?? emptyRoute(route.project).rollout };
}
