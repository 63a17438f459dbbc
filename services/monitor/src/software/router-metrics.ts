// What the router's Prometheus text says per project and version: requests and failures since it started. Which status
// is a failure is libs/routing's table, the router's own.

import { isFailureName } from '@millrace/routing';
import { type MetricLine, parsePrometheus } from './prometheus.js';
import type { RouterTotals } from './traffic-history.js';

const REQUESTS = 'millrace_router_requests_total';

/** By project, then by version; 0 = answered without one. */
export function routerTotals(text: string): Map<string, Map<number, RouterTotals>> {
  const totals = new Map<string, Map<number, RouterTotals>>();
  for (const { name, labels, value } of parsePrometheus(text) as MetricLine[]) {
    const { project, version = '0', status = '' } = labels;
    if (name !== REQUESTS || project === undefined) continue;
    const byVersion = totals.get(project) ?? new Map<number, RouterTotals>();
    const sum = byVersion.get(Number(version)) ?? { requests: 0, failures: 0 };
    sum.requests += value;
    if (isFailureName(status)) sum.failures += value;
    byVersion.set(Number(version), sum);
    totals.set(project, byVersion);
  }
  return totals;
}
