// Renders outcomes as Prometheus text (exposition format 0.0.4). The router keeps these two families itself: an
// OpenTelemetry histogram per request costs more than the rest of the hop.

import { statusName } from '@millrace/routing';
import { LATENCY_BOUNDS_S, type Series } from './outcomes.js';

interface Families {
  requests: string;
  requestsHelp: string;
  seconds: string;
  secondsHelp: string;
}

const OF_CALLERS: Families = {
  requests: 'millrace_router_requests_total',
  requestsHelp: 'Answered inference requests by gRPC status.',
  seconds: 'millrace_router_request_seconds',
  secondsHelp: 'Time from request read to answer handed over.',
};

/** Names of their own, so that no sum over requests counts a copy. */
export const OF_SHADOWS: Families = {
  requests: 'millrace_router_shadow_requests_total',
  requestsHelp: 'Copies sent to shadows, by gRPC status.',
  seconds: 'millrace_router_shadow_request_seconds',
  secondsHelp: 'Time from copy sent to answer of the shadow.',
};

export function label(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

export function prometheusOutcomes(all: readonly Series[], of: Families = OF_CALLERS): string {
  const lines: string[] = [`# HELP ${of.requests} ${of.requestsHelp}`, `# TYPE ${of.requests} counter`];
  for (const series of all) {
    const labels = `project="${label(series.project)}",version="${series.version}"`;
    series.byStatus.forEach((count, status) => {
      if (count > 0) lines.push(`${of.requests}{${labels},status="${statusName(status)}"} ${count}`);
    });
  }
  lines.push(`# HELP ${of.seconds} ${of.secondsHelp}`, `# TYPE ${of.seconds} histogram`);
  for (const series of all) {
    const labels = `project="${label(series.project)}",version="${series.version}"`;
    let cumulative = 0;
    LATENCY_BOUNDS_S.forEach((bound, i) => {
      cumulative += series.buckets[i] as number;
      lines.push(`${of.seconds}_bucket{${labels},le="${bound}"} ${cumulative}`);
    });
    cumulative += series.buckets[LATENCY_BOUNDS_S.length] as number;
    lines.push(`${of.seconds}_bucket{${labels},le="+Inf"} ${cumulative}`);
    lines.push(`${of.seconds}_sum{${labels}} ${series.sumSeconds}`, `${of.seconds}_count{${labels}} ${cumulative}`);
  }
  return `${lines.join('\n')}\n`;
}
