// Wiring: which edge fills which port, and the order of starting and stopping. Endpoints open before the broker is there:
// predictions need only routes, and those come from the snapshot until Kafka is read.

import { join } from 'node:path';
import { RequestIds, type Rng, seededRng, systemClock } from '@millrace/domain';
import { ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { DEFAULT_STRATEGY, type RolloutStrategy, strategyNamed } from '@millrace/routing';
import { Readiness, Shutdown } from '@millrace/service';
import {
  ATTRIBUTES,
  contextOf,
  counter,
  formatTraceparent,
  gauge,
  logger,
  prometheusText,
  ROOT_CONTEXT,
  SpanKind,
  startSpan,
} from '@millrace/telemetry';
import { Inject, Injectable, Module, type OnApplicationBootstrap, type Provider } from '@nestjs/common';
import { loadRouterConfig } from './config.js';
import { CommandsConsumer, CommandsTransport, KafkaCommandLog } from './control/commands.kafka.js';
import { ControlHttp } from './control/control.http.js';
import { RouteControl } from './control/route-control.js';
import { RouteOwner } from './control/route-owner.js';
import { RouteServiceGrpc } from './control/route-service.grpc.js';
import { KafkaRouteLog, type ProjectFacts, RouteFollower } from './control/routes.kafka.js';
import { SnapshotFile } from './control/snapshot.fs.js';
import { InferEndpoint, type TracedCall } from './endpoints/infer-endpoint.js';
import { SampledTracing } from './endpoints/tracing.js';
import { GrpcEndpoint } from './endpoints/v2.grpc.js';
import { HttpEndpoint } from './endpoints/v2.http.js';
import { MetricsEndpoint } from './outcomes/metrics.http.js';
import { Outcomes } from './outcomes/outcomes.js';
import { prometheusOutcomes } from './outcomes/prometheus-text.js';
import { ServingMetrics } from './outcomes/serving-metrics.http.js';
import { SwitchLog } from './outcomes/switch-log.js';
import { RelayLinks } from './relay/exchange.grpc.js';
import { Relay } from './relay/relay.js';
import { ServingClient } from './relay/serving.grpc.js';
import { RouteTable } from './routing/route-table.js';

/** Deadlines and switch aftermaths are looked at this often. */
const TICK_MS = 20;

const config = loadRouterConfig();
const clock = systemClock;
const log = logger('router');

/** Ids must differ between processes: the seed is the start time in microseconds and the process id, not a constant. */
function processRng(): Rng {
  return seededRng((Math.floor(clock.nowMs() * 1000 + clock.monotonicMs() * 1e6) ^ (process.pid * 0x9e3779b1)) >>> 0);
}

function startRouterSpan(traceparent: string): TracedCall | null {
  const span = startSpan('router.infer', {
    kind: SpanKind.SERVER,
    parent: traceparent === '' ? ROOT_CONTEXT : contextOf(traceparent),
  });
  if (!span.isRecording()) return null;
  return {
    traceparent: formatTraceparent(span.spanContext()),
    end(project, version, status) {
      span.setAttributes({
        [ATTRIBUTES.project]: project,
        [ATTRIBUTES.modelVersion]: String(version),
        [ATTRIBUTES.rpcStatus]: status,
      });
      span.end();
    },
  };
}

const allocate = (size: number): Buffer => Buffer.allocUnsafe(size);
const later = (callback: () => void): void => {
  setImmediate(callback);
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const servingAddress = `${config.servingHost}:${config.servingGrpcPort}`;
const table = new RouteTable();
const outcomes = new Outcomes(clock);
const switches = new SwitchLog((project) => outcomes.failures(project));
const relay = new Relay({ clock, endOfTurn: later, allocate, waitMaxMs: config.waitMaxMs });
const serving = new ServingClient(servingAddress, clock);
const links = new RelayLinks(relay, clock, { address: servingAddress, streams: config.relayStreams }, (up, reason) => {
  if (up) log.info('stream to serving is up', { address: servingAddress });
  else log.warn('stream to serving broke', { address: servingAddress, reason });
});
const ids = new RequestIds(processRng());
const inference = new InferEndpoint(table, relay, outcomes, {
  clock,
  ids,
  tracing: new SampledTracing(startRouterSpan, config.traceRatio),
  allocate,
  deadlineMaxMs: config.deadlineMaxMs,
  later,
});
const { listenHost: host, requestBytesMax, drainMs } = config;
const grpcEndpoint = new GrpcEndpoint(inference, relay, table, serving, clock, {
  host,
  port: config.grpcPort,
  requestBytesMax,
  drainMs,
});
const httpEndpoint = new HttpEndpoint(inference, relay, table, clock, {
  host,
  port: config.httpPort,
  requestBytesMax,
  drainMs,
  servingHost: config.servingHost,
  servingPort: config.servingHttpPort,
});
const servingMetrics = new ServingMetrics(config.servingHost, config.servingHttpPort);
const metricsEndpoint = new MetricsEndpoint({ host, port: config.metricsPort }, async () => {
  const [own, triton] = await Promise.all([prometheusText(), servingMetrics.read()]);
  return prometheusOutcomes(outcomes.all()) + own + triton;
});

const connection = new KafkaConnection({
  brokers: config.kafkaBrokers,
  clientId: `router-${config.replica}`,
  topicPrefix: config.topicPrefix,
});
const producer = new MessageProducer(connection, { lingerMs: 0, name: 'commands' });
const routeLog = new KafkaRouteLog(connection);
const projects = new Map<string, ProjectFacts>();
/** Commands are applied after projects were read from Kafka; before that nobody asks but the callers' own look ahead. */
const strategyOf = (project: string): RolloutStrategy => {
  const named = projects.get(project)?.strategy;
  return named === undefined ? DEFAULT_STRATEGY : strategyNamed(named);
};
const owner = new RouteOwner(table, switches, routeLog, serving, {
  clock,
  loadTimeoutMs: config.loadTimeoutMs,
  sleep,
  failures: (project) => outcomes.failures(project),
  strategyOf,
  onSettled: (project, version, route, made) => {
    control.onSettled(project, version, route, made);
    snapshot.touch();
  },
  onError: (project, error) => log.warn('the outcome of a load is not written yet', { project }, error),
});
const control: RouteControl = new RouteControl(table, new KafkaCommandLog(producer, config.commandTimeoutMs), {
  clock,
  commandId: () => `router-${ids.next()}`,
  commandTimeoutMs: config.commandTimeoutMs,
  loadTimeoutMs: config.loadTimeoutMs,
  knownProject: (project) => projects.has(project),
  strategyOf,
});

const snapshot: SnapshotFile = new SnapshotFile(
  join(config.home, 'router', 'routes.json'),
  () => ({
    routes: table.all(),
    switches: table.all().map(({ project }) => ({ project, entries: [...switches.list(project)] })),
    sticky: Object.fromEntries([...projects].map(([project, { sticky }]) => [project, sticky])),
  }),
  (error) => log.warn('the snapshot of routes could not be used', {}, error),
);

/** Projects whose route came from Kafka; what only the snapshot knows is forgotten when Kafka was read. */
const confirmed = new Set<string>();
const held = new Set<number>();

const follower = new RouteFollower(
  connection,
  {
    onRoute(route, partition) {
      confirmed.add(route.project);
      routeLog.learnPartition(route.project, partition);
      table.apply(route);
      if (!held.has(partition)) control.onRoute(table.routeOrEmpty(route.project));
      snapshot.touch();
    },
    onRouteRemoved(project) {
      table.remove(project);
      snapshot.touch();
    },
    onProject(project, facts) {
      if (facts === null) projects.delete(project);
      else {
        projects.set(project, facts);
        table.setSticky(project, facts.sticky);
      }
      snapshot.touch();
    },
    onCaughtUp() {
      for (const { project } of table.all()) if (!confirmed.has(project)) table.remove(project);
      log.info('routes read from Kafka', { routes: confirmed.size });
    },
  },
  () => ensureTopics(connection),
);

/** The consumer of commands.v1, for main.ts. */
export const commandsTransport = new CommandsTransport({
  connection,
  async onAssigned(partitions) {
    const before = [...held];
    held.clear();
    for (const partition of partitions) held.add(partition);
    for (const route of table.all()) {
      if (!held.has(routeLog.partitionOf(route.project) ?? -1)) owner.release(route.project);
    }
    await routeLog.hold(partitions);
    await follower.caughtUp();
    // The first read began after nobody else could write any more only if no other replica held the partitions.
    if (partitions.some((partition) => !before.includes(partition))) await follower.readToEnd();
    for (const route of table.all()) if (held.has(routeLog.partitionOf(route.project) ?? -1)) owner.resume(route);
  },
});

export { config };

async function restoreSnapshot(): Promise<void> {
  const saved = await snapshot.read();
  for (const route of saved?.routes ?? []) table.apply(route);
  for (const { project, entries } of saved?.switches ?? []) switches.restore(project, entries);
  for (const [project, sticky] of Object.entries(saved?.sticky ?? {})) {
    projects.set(project, { sticky, strategy: DEFAULT_STRATEGY.name });
    table.setSticky(project, sticky);
  }
}

@Injectable()
class RouterLifecycle implements OnApplicationBootstrap {
  private ticker: NodeJS.Timeout | undefined;
  private retriesSeen = 0;
  private readonly retries = counter('millrace.router.relay_retries').bind();

  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(Shutdown) private readonly shutdown: Shutdown,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await restoreSnapshot();
    gauge('millrace.router.in_flight').observe(() => relay.inFlight);
    gauge('millrace.router.relay_up').observe(() => (relay.up ? 1 : 0));
    this.readiness.register('serving', () => relay.up);
    // Clients first: nothing accepted may fail because the broker or serving was let go too early.
    this.shutdown.onDrain('endpoints', async () => {
      await Promise.all([grpcEndpoint.close(), httpEndpoint.close()]);
    });
    this.shutdown.onClose('edges', () => this.close());
    links.open();
    follower.start();
    const [grpc, http, metrics] = await Promise.all([
      grpcEndpoint.listen(),
      httpEndpoint.listen(),
      metricsEndpoint.listen(),
    ]);
    this.ticker = setInterval(() => this.tick(), TICK_MS);
    log.info('endpoints are open', { grpc, http, metrics });
  }

  private async close(): Promise<void> {
    clearInterval(this.ticker);
    links.close();
    serving.close();
    await Promise.all([follower.close(), producer.close(1_000), routeLog.close()]);
    await snapshot.flush();
    await metricsEndpoint.close();
    servingMetrics.close();
    await connection.close();
  }

  private tick(): void {
    relay.tick();
    switches.tick(clock.monotonicMs());
    grpcEndpoint.tellHealth();
    this.retries.add(relay.counters.retried - this.retriesSeen);
    this.retriesSeen = relay.counters.retried;
  }
}

const values: Provider[] = [
  [RouteTable, table],
  [Outcomes, outcomes],
  [SwitchLog, switches],
  [Relay, relay],
  [RouteControl, control],
  [RouteOwner, owner],
  [KafkaRouteLog, routeLog],
].map(([provide, useValue]) => ({ provide, useValue }) as Provider);

@Module({
  controllers: [ControlHttp, RouteServiceGrpc, CommandsConsumer],
  providers: [...values, RouterLifecycle],
})
export class AppModule {}
