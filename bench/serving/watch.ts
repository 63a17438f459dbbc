// `millrace watch` before MLServer and before pytriton: one request in flight, straight to the server, through a relay
// of bare bytes, through a router that logs nothing and through the router of `watch`, in turn within each round. The
// figure is what the last one adds to the median; what the relay adds is the least that a process in between can, and
// what lies between the two routers is the log, its broker and the monitor that reads it.

import { join } from 'node:path';
import { PORT_NAMES, PORTS } from '@millrace/deployment';
import { freePort } from '@millrace/testing';
import { runGhz } from '../ghz.process.js';
import { NETWORK, networkRequest } from './requests.js';
import { type Bench, inTurns, median, ms, type Outcome, type Row } from './row.js';
import { type System, startSystem } from './systems.process.js';
import { checkAnswer } from './unary.js';

const ADDED_MS_MAX = 0.5;

/** A platform of its own, in a home of its own, on free ports. */
async function startWatch({ root, work }: Bench, upstream: System): Promise<System> {
  const ports = new Map<string, number>();
  for (const name of PORT_NAMES) ports.set(PORTS[name].setting, await freePort());
  const port = (name: 'routerGrpc' | 'routerHttp') => ports.get(PORTS[name].setting) as number;
  return startSystem({
    name: `watch before ${upstream.name}`,
    command: process.execPath,
    args: [
      join(root, 'dist/apps/cli/src/main.js'),
      ...['watch', '--upstream', `127.0.0.1:${upstream.grpcPort}`],
      // pytriton lists its models to holders of its token alone.
      ...['--upstream-http', `127.0.0.1:${upstream.httpPort}`, '--model', NETWORK],
    ],
    env: {
      ...Object.fromEntries([...ports].map(([name, number]) => [name, String(number)])),
      MILLRACE_HOME: join(work, `watch-${upstream.name}`),
    },
    log: join(work, `watch-${upstream.name}.log`),
    grpcPort: port('routerGrpc'),
    httpPort: port('routerHttp'),
  });
}

async function startRelay({ root, work }: Bench, upstream: System): Promise<System> {
  const port = await freePort();
  return startSystem({
    name: `relay before ${upstream.name}`,
    command: process.execPath,
    args: [join(root, 'dist/bench/echo/byte-relay.js'), String(port), String(upstream.grpcPort)],
    log: join(work, `relay-${upstream.name}.log`),
    grpcPort: port,
  });
}

/** The router by itself: no model is registered, so that nothing is logged, and no broker is there. */
async function startRouter({ root, work }: Bench, upstream: System): Promise<System> {
  const ports = new Map<string, number>();
  for (const name of PORT_NAMES) ports.set(PORTS[name].setting, await freePort());
  return startSystem({
    name: `router before ${upstream.name}`,
    command: process.execPath,
    args: [join(root, 'dist/services/router/src/main.js')],
    env: {
      ...Object.fromEntries([...ports].map(([name, number]) => [name, String(number)])),
      MILLRACE_HOME: join(work, `router-${upstream.name}`),
      MILLRACE_ROUTER_UPSTREAM: `127.0.0.1:${upstream.grpcPort}`,
      MILLRACE_KAFKA_BROKERS: `127.0.0.1:${await freePort()}`,
    },
    log: join(work, `router-${upstream.name}.log`),
    grpcPort: ports.get(PORTS.routerGrpc.setting) as number,
  });
}

async function added(bench: Bench, upstream: System): Promise<Outcome> {
  await checkAnswer(upstream.name, upstream.grpcPort, networkRequest());
  const relay = await startRelay(bench, upstream);
  const router = await startRouter(bench, upstream);
  const watched = await startWatch(bench, upstream);
  try {
    await checkAnswer(watched.name, watched.grpcPort, networkRequest());
    const p50 = async ({ name, grpcPort }: System, warmUp: boolean) => {
      const result = await runGhz(bench.ghz, bench.root, {
        address: `127.0.0.1:${grpcPort}`,
        request: networkRequest(),
        seconds: warmUp ? 1 : bench.seconds,
        connections: 1,
        inFlight: 1,
      });
      if (result.failures > 0) throw new Error(`${name}: ${result.failures} calls failed: ${result.firstFailure}`);
      return result.p50Ms;
    };
    const rounds = await inTurns(bench.rounds, {
      direct: (warmUp) => p50(upstream, warmUp),
      relayed: (warmUp) => p50(relay, warmUp),
      routed: (warmUp) => p50(router, warmUp),
      watched: (warmUp) => p50(watched, warmUp),
    });
    const p50Of = (system: string) => median(rounds[system] ?? []);
    const [direct, through] = [p50Of('direct'), p50Of('watched')];
    return {
      figure: `watch before ${upstream.name}, one in flight: added to p50`,
      target: `≤ ${ADDED_MS_MAX} ms`,
      measured:
        `${ms(through - direct)} (${ms(direct)} direct; a relay of bare bytes adds ${ms(p50Of('relayed') - direct)}, ` +
        `the router without its log ${ms(p50Of('routed') - direct)})`,
      met: through - direct <= ADDED_MS_MAX,
      rounds,
    };
  } finally {
    await watched.stop();
    await router.stop();
    await relay.stop();
  }
}

export const watch: Row = {
  name: 'watch',
  peers: true,
  async measure(bench) {
    const outcomes: Outcome[] = [];
    for (const upstream of [bench.mlserver, bench.pytriton]) if (upstream) outcomes.push(await added(bench, upstream));
    return outcomes;
  },
};
