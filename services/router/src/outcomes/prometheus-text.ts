// Renders outcomes as Prometheus text (exposition format 0.0.4). The router keeps these two families itself: an
// OpenTelemetry histogram per request costs more than the rest of the hop.

import { statusName } from '@millrace/routing';
import { LATENCY_BOUNDS_S, type Series } from './outcomes.js';

const REQUESTS_METRIC = 'millrace_router_requests_total';
const SECONDS_METRIC = 'millrace_router_request_seconds';

function label(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

export function prometheusOutcomes(all: readonly Series[]): string {
  const lines: string[] = [
    `# HELP ${REQUESTS_METRIC} Answered inference requests by gRPC status.`,
    `# TYPE ${REQUESTS_METRIC} counter`,
  ];
  for (const series of all) {
    const of = `project="${label(series.project)}",version="${series.version}"`;
    series.byStatus.forEach((count, status) => {
      if (count > 0) lines.push(`${REQUESTS_METRIC}{${of},status="${statusName(status)}"} ${count}`);
    });
  }
  lines.push(
    `# HELP ${SECONDS_METRIC} Time from request read to answer handed over.`,
    `# TYPE ${SECONDS_METRIC} histogram`,
  );
  for (const series of all) {
    const of = `project="${label(series.project)}",version="${series.version}"`;
    let cumulative = 0;
    LATENCY_BOUNDS_S.forEach((bound, i) => {
      cumulative += series.buckets[i] as number;
      lines.push(`${SECONDS_METRIC}_bucket{${of},le="${bound}"} ${cumulative}`);
    });
    cumulative += series.buckets[LATENCY_BOUNDS_S.length] as number;
    lines.push(`${SECONDS_METRIC}_bucket{${of},le="+Inf"} ${cumulative}`);
    lines.push(`${SECONDS_METRIC}_sum{${of}} ${series.sumSeconds}`, `${SECONDS_METRIC}_count{${of}} ${cumulative}`);
  }
  return `${lines.join('\n')}\n`;
}
