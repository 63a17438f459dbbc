// What the router's Prometheus text says per project: requests and failures since it started. Which status is a failure is
// libs/routing's table, the router's own.

import { isFailureName } from '@millrace/routing';
import { type MetricLine, parsePrometheus } from './prometheus.js';
import type { RouterTotals } from './traffic.js';

const REQUESTS = 'millrace_router_requests_total';

export function routerTotals(text: string): Map<string, RouterTotals> {
  const totals = new Map<string, RouterTotals>();
  for (const { name, labels, value } of parsePrometheus(text) as MetricLine[]) {
    const project = labels.project;
    if (name !== REQUESTS || project === undefined) continue;
    const sum = totals.get(project) ?? { requests: 0, failures: 0 };
    sum.requests += value;
    if (isFailureName(labels.status ?? '')) sum.failures += value;
    totals.set(project, sum);
  }
  return totals;
}
