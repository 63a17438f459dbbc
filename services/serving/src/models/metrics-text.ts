// Statistics of all served versions in Prometheus' text format under Triton's names, so that its dashboards work unchanged.
// Read at scrape time from the counters that the protocol's statistics use; the request path pays nothing for it.

import { FAILURE_REASONS, type VersionStatistics } from '@millrace/inference';
import type { ServedVersion } from './served-version.js';

interface Series {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  read(statistics: VersionStatistics, version: ServedVersion): number;
}

const us = (ns: number): number => Math.round(ns / 1000);

const SERIES: readonly Series[] = [
  {
    name: 'nv_inference_request_success',
    type: 'counter',
    help: 'Requests answered',
    read: (s) => s.success.count,
  },
  { name: 'nv_inference_count', type: 'counter', help: 'Rows inferred', read: (s) => s.inferenceCount },
  { name: 'nv_inference_exec_count', type: 'counter', help: 'Engine calls', read: (s) => s.executionCount },
  {
    name: 'nv_inference_pending_request_count',
    type: 'gauge',
    help: 'Requests in the queue',
    read: (_s, version) => version.waiting,
  },
  {
    name: 'nv_inference_request_duration_us',
    type: 'counter',
    help: 'Time from arrival to answer',
    read: (s) => us(s.success.ns),
  },
  { name: 'nv_inference_queue_duration_us', type: 'counter', help: 'Time in the queue', read: (s) => us(s.queue.ns) },
  {
    name: 'nv_inference_compute_input_duration_us',
    type: 'counter',
    help: 'Time encoding features',
    read: (s) => us(s.computeInput.ns),
  },
  {
    name: 'nv_inference_compute_infer_duration_us',
    type: 'counter',
    help: 'Time in the engine',
    read: (s) => us(s.computeInfer.ns),
  },
  {
    name: 'nv_inference_compute_output_duration_us',
    type: 'counter',
    help: 'Time building answers',
    read: (s) => us(s.computeOutput.ns),
  },
];

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

export function inferenceMetricsText(versions: readonly ServedVersion[]): string {
  const lines: string[] = [];
  const labelsOf = ({ facts }: ServedVersion) => `model="${facts.project}",version="${facts.version}"`;
  for (const { name, type, help, read } of SERIES) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const version of versions) lines.push(`${name}{${labelsOf(version)}} ${read(version.statistics, version)}`);
  }
  const failure = 'nv_inference_request_failure';
  lines.push(`# HELP ${failure} Requests that failed`, `# TYPE ${failure} counter`);
  for (const version of versions) {
    for (const reason of FAILURE_REASONS) {
      lines.push(`${failure}{${labelsOf(version)},reason="${reason}"} ${version.statistics.failures[reason]}`);
    }
  }
  const summary = 'nv_inference_request_summary_us';
  lines.push(`# HELP ${summary} Time from arrival to answer since the version was loaded`, `# TYPE ${summary} summary`);
  for (const version of versions) {
    const { latency } = version.statistics;
    for (const q of QUANTILES) {
      lines.push(`${summary}{${labelsOf(version)},quantile="${q}"} ${latency.quantileUs(q)}`);
    }
    lines.push(`${summary}_sum{${labelsOf(version)}} ${latency.totalUs}`);
    lines.push(`${summary}_count{${labelsOf(version)}} ${latency.count}`);
  }
  return `${lines.join('\n')}\n`;
}
