// Wiring of the way of a request: endpoints → route → relay to serving, or the door to servers that are not ours, and
// what counts its outcomes.

import { hostAndPort, replicaPlaces } from '@millrace/deployment';
import { RequestIds, type Rng, seededRng } from '@millrace/domain';
import { statusName } from '@millrace/routing';
import type { ServiceContext, Tick } from '@millrace/service';
import {
  ATTRIBUTES,
  contextOf,
  counter,
  EVENTS,
  emitEvent,
  formatTraceparent,
  gauge,
  prometheusText,
  SAMPLED_ROOT,
  SpanKind,
  startSpan,
} from '@millrace/telemetry';
import { EvidenceBook } from '../analysis/evidence-book.js';
import type { TracedCall } from '../calls/infer-call.js';
import { type ServingPlace, ServingRest } from '../calls/serving-rest.http.js';
import type { RouterConfig } from '../config.js';
import { Fallbacks } from '../fallback/fallbacks.js';
import { prometheusExperiments } from '../outcomes/experiment-metrics.js';
import { MetricsEndpoint } from '../outcomes/metrics.http.js';
import { Outcomes } from '../outcomes/outcomes.js';
import { prometheusOutcomes } from '../outcomes/prometheus-text.js';
import { prometheusRoutes } from '../outcomes/rollout-metrics.js';
import { ServingMetrics } from '../outcomes/serving-metrics.http.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { RelayLinks } from '../relay/exchange.grpc.js';
import { Relay } from '../relay/relay.js';
import { Servings } from '../relay/servings.grpc.js';
import { RouteTable } from '../routing/route-table.js';
import { AnswerPairs } from '../shadows/paired-answers.js';
import { ShadowCopies } from '../shadows/shadow-copies.js';
import { ShadowTraffic } from '../shadows/shadow-traffic.js';
import { upstreams } from '../upstream/upstream.module.js';
import { InferEndpoint } from './infer-endpoint.js';
import { SampledTracing } from './tracing.js';
import { GrpcEndpoint } from './v2.grpc.js';
import { HttpEndpoint } from './v2.http.js';

/** Deadlines and switch aftermaths are looked at this often. */
const TICK_MS = 20;

const allocate = (size: number): Buffer => Buffer.allocUnsafe(size);
const later = (callback: () => void): void => {
  setImmediate(callback);
};

type Context = ServiceContext<RouterConfig>;

export function requestPath(context: Context) {
  const { config, clock, log, readiness, shutdown } = context;
  const servings = servingPlaces(config);
  const fallThroughs = counter('millrace.router.match_fallthroughs');
  const table = new RouteTable((project) => fallThroughs.add(1, { project }));
  const outcomes = new Outcomes(clock);
  const switches = new SwitchLog((project) => outcomes.failures(project));
  const relay = new Relay({ clock, endOfTurn: later, allocate, waitMaxMs: config.waitMaxMs, tickMs: TICK_MS });
  const addresses = servings.map(({ address }) => address);
  const serving = new Servings(addresses, clock, () => relay.targetsUp());
  shutdown.onClose('serving', () => serving.close());
  const links = new RelayLinks(relay, clock, { addresses, streams: config.relayStreams }, (address, up, reason) => {
    if (up) log.info('stream to serving is up', { address });
    else log.warn('stream to serving broke', { address, reason });
  });
  shutdown.onClose('streams to serving', () => links.close());
  const rng = processRng(context);
  const ids = new RequestIds(rng);
  const tracing = new SampledTracing((traceparent) => startRouterSpan(traceparent, table), config.traceRatio, rng);
  const evidence = new EvidenceBook();
  const upstream = upstreams(context, { routes: table, outcomes, ids, tracing, evidence });
  const shadowOutcomes = new Outcomes(clock);
  const pairs = new AnswerPairs();
  const copies = new ShadowCopies(relay, { clock, later, outcomes: shadowOutcomes, pairs, evidence });
  const fallbackCounts = counter('millrace.router.fallbacks');
  const fallbacks = new Fallbacks((project) => table.get(project), {
    counted: (project, version, fallback, result) =>
      fallbackCounts.add(1, { project, version: String(version), fallback: String(fallback), result }),
  });
  const previews = counter('millrace.router.preview_requests');
  const inference = new InferEndpoint(table, relay, outcomes, upstream.door, {
    clock,
    ids,
    tracing,
    evidence,
    allocate,
    deadlineMaxMs: config.deadlineMaxMs,
    later,
    shadows: copies,
    fallbacks,
    previewed: (project, version, status) =>
      previews.add(1, { project, version: String(version), status: statusName(status) }),
  });
  const shadows = new ShadowTraffic(copies, shadowOutcomes, pairs);
  const ready = upstream.door.isBehind ? () => upstream.readiness.ready : () => relay.up;
  readiness.register(upstream.door.isBehind ? 'upstream' : 'serving', ready);
  gauge('millrace.router.in_flight').observe(() => relay.inFlight + upstream.calls.inFlight);
  gauge('millrace.router.retries_left').observe(() => relay.retriesLeft);
  gauge('millrace.router.loop_lag').observe(() => relay.loopLagMs);
  gauge('millrace.router.relay_up').observe(() => (relay.up ? 1 : 0));
  const paths = { table, relay, serving, servings, links, inference, upstream };
  return { ...paths, outcomes, switches, ids, copies, shadows, evidence, fallbacks, ready };
}

export type RequestPath = ReturnType<typeof requestPath>;

/** Every serving that may be there. */
function servingPlaces({ servingHost, servingGrpcPort: grpc, servingHttpPort: http, replicas }: RouterConfig) {
  return replicaPlaces(servingHost, 'serving', replicas, { grpc, http }).map(
    ({ host, ...ports }): ServingPlace => ({ address: hostAndPort(host, ports.grpc), host, httpPort: ports.http }),
  );
}

/** Ids must differ between processes: the seed is the start time in microseconds and the process id, not a constant. */
function processRng({ clock }: Context): Rng {
  return seededRng((Math.floor(clock.nowMs() * 1000 + clock.monotonicMs() * 1e6) ^ (process.pid * 0x9e3779b1)) >>> 0);
}

function startRouterSpan(traceparent: string, routes: RouteTable): TracedCall {
  const span = startSpan('router.infer', {
    kind: SpanKind.SERVER,
    parent: traceparent === '' ? SAMPLED_ROOT : contextOf(traceparent),
  });
  return {
    traceparent: formatTraceparent(span.spanContext()),
    routed({ project, revision, version, variant, reason, key, experiment }) {
      emitEvent(span, EVENTS.flagEvaluation, {
        [ATTRIBUTES.flagKey]: project,
        [ATTRIBUTES.flagProvider]: 'millrace',
        [ATTRIBUTES.flagVariant]: variant,
        [ATTRIBUTES.flagValue]: version,
        [ATTRIBUTES.flagReason]: reason,
        [ATTRIBUTES.flagContextId]: key,
        [ATTRIBUTES.flagVersion]: String(revision),
        ...(experiment === '' ? {} : { [ATTRIBUTES.experiment]: experiment }),
      });
      if (experiment !== '')
        span.setAttributes({ [ATTRIBUTES.experiment]: experiment, [ATTRIBUTES.flagVariant]: variant });
    },
    end(project, version, status, failed) {
      span.setAttributes({
        [ATTRIBUTES.project]: project,
        [ATTRIBUTES.modelVersion]: String(version),
        [ATTRIBUTES.rpcStatus]: status,
        ...stepAttribute(routes, project),
        ...(failed === undefined ? {} : { [ATTRIBUTES.fallbackFrom]: failed }),
      });
      span.end();
    },
  };
}

/** At which step a rollout was, where one is under way. */
function stepAttribute(routes: RouteTable, project: string): Record<string, number> {
  const { steps } = routes.get(project)?.rollout ?? {};
  return steps === undefined ? {} : { [ATTRIBUTES.rolloutStep]: steps.at + 1 };
}

/** What listens for clients and scrapers. `open` gives the ports. */
export function endpoints({ config, clock, log, shutdown }: Context, path: RequestPath) {
  const { inference, relay, table, serving, servings, outcomes, switches, shadows, upstream, ready } = path;
  const { listenHost: host, requestBytesMax, drainMs } = config;
  const grpc = new GrpcEndpoint(inference, table, serving, upstream.door, clock, {
    ready,
    host,
    port: config.grpcPort,
    requestBytesMax,
    drainMs,
  });
  const http = new HttpEndpoint(inference, table, upstream.rest, clock, {
    ready,
    host,
    port: config.httpPort,
    requestBytesMax,
    drainMs,
    serving: new ServingRest(servings, () => relay.targetsUp()),
  });
  // Clients first: nothing accepted may fail because the broker or serving was let go too early.
  shutdown.onDrain('endpoints', async () => {
    await Promise.all([grpc.close(), http.close()]);
  });
  const servingMetrics = new ServingMetrics(servings);
  shutdown.onClose('metrics of serving', () => servingMetrics.close());
  const metrics = new MetricsEndpoint({ host, port: config.metricsPort }, async () => {
    const [own, triton] = await Promise.all([prometheusText(), servingMetrics.read()]);
    const routes = table.all();
    const ofRoutes = prometheusRoutes(routes) + prometheusExperiments(routes, path.evidence);
    const routed = prometheusOutcomes(outcomes.all()) + ofRoutes + shadows.prometheusText();
    return routed + own + triton;
  });
  shutdown.onClose('metrics', () => metrics.close());
  const retries = counter('millrace.router.relay_retries').bind();
  const refusedRetries = counter('millrace.router.retries_refused').bind();
  const shed = counter('millrace.router.shed');
  const [shedForLag, shedForQueue] = [shed.bind({ reason: 'lag' }), shed.bind({ reason: 'queue' })];
  let seen = { ...relay.counters };
  const ejections = counter('millrace.router.ejections').bind();
  let ejectionsSeen = 0;
  const tick: Tick = {
    name: 'deadlines and switches',
    everyMs: TICK_MS,
    work: () => {
      relay.tick();
      path.copies.tick();
      switches.tick(clock.monotonicMs());
      grpc.tellHealth();
      const { counters } = relay;
      retries.add(counters.retried - seen.retried);
      refusedRetries.add(counters.retriesRefused - seen.retriesRefused);
      const lag = counters.shedByLag - seen.shedByLag;
      shedForLag.add(lag);
      shedForQueue.add(counters.shed - seen.shed - lag);
      seen = { ...counters };
      if (relay.ejections > ejectionsSeen)
        log.warn('a serving gets nothing for a while', { servings: relay.ejected() });
      ejections.add(relay.ejections - ejectionsSeen);
      ejectionsSeen = relay.ejections;
    },
  };
  const open = async () => {
    const [grpcPort, httpPort, metricsPort] = await Promise.all([grpc.listen(), http.listen(), metrics.listen()]);
    return { grpc: grpcPort, http: httpPort, metrics: metricsPort };
  };
  return { open, tick };
}
