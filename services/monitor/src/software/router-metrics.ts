// What the router's Prometheus text says per project: requests and failures since it started. A failure is an answer that
// the platform is to blame for; a caller's own mistake (bad argument, unknown model, given up) is not.

import { type MetricLine, parsePrometheus } from './prometheus.js';
import type { RouterTotals } from './traffic.js';

const REQUESTS = 'millrace_router_requests_total';
const NO_FAILURE: ReadonlySet<string> = new Set([
  'OK',
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'CANCELLED',
  'FAILED_PRECONDITION',
  'OUT_OF_RANGE',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
]);

export function routerTotals(text: string): Map<string, RouterTotals> {
  const totals = new Map<string, RouterTotals>();
  for (const { name, labels, value } of parsePrometheus(text) as MetricLine[]) {
    const project = labels.project;
    if (name !== REQUESTS || project === undefined) continue;
    const sum = totals.get(project) ?? { requests: 0, failures: 0 };
    sum.requests += value;
    if (!NO_FAILURE.has(labels.status ?? '')) sum.failures += value;
    totals.set(project, sum);
  }
  return totals;
}
