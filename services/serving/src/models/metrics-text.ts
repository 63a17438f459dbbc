// Statistics of all served models in Prometheus' text format under Triton's names, so that its dashboards work
// unchanged. Read at scrape time from the counters that the protocol's statistics use; the request path pays nothing
// for it.

import { FAILURE_REASONS, FIRST_RESPONSE_EDGES_MS, type VersionStatistics } from '@millrace/inference';
import type { LatencyHistogram } from '@millrace/statistics';
import type { ServedModel } from './served-model.js';

/** A version with its counters: of this process, or added up over several. */
export type Measured = Pick<ServedModel, 'name' | 'version' | 'statistics' | 'waiting'> & {
  spec: Pick<ServedModel['spec'], 'decoupled' | 'responseCache'>;
};

interface Series {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  read(statistics: VersionStatistics, model: Measured): number;
  /** Which models have it; undefined = all. */
  of?(model: Measured): boolean;
}

const us = (ns: number): number => Math.round(ns / 1000);
const cached = ({ spec }: Measured): boolean => spec.responseCache;

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
    read: (_s, model) => model.waiting,
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
    help: 'Time preparing inputs',
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
  {
    name: 'nv_cache_num_hits_per_model',
    type: 'gauge',
    help: 'Requests answered from the response cache',
    read: (s) => s.cacheHit.count,
    of: cached,
  },
  {
    name: 'nv_cache_num_misses_per_model',
    type: 'gauge',
    help: 'Requests that the response cache did not hold',
    read: (s) => s.cacheMiss.count,
    of: cached,
  },
  {
    name: 'nv_cache_hit_duration_per_model',
    type: 'gauge',
    help: 'Time of look-ups that hit, in microseconds',
    read: (s) => us(s.cacheHit.ns),
    of: cached,
  },
  {
    name: 'nv_cache_miss_duration_per_model',
    type: 'gauge',
    help: 'Time of look-ups that missed and of keeping their answers, in microseconds',
    read: (s) => us(s.cacheMiss.ns),
    of: cached,
  },
];

const SUMMARIES: readonly { name: string; help: string; of(statistics: VersionStatistics): LatencyHistogram }[] = [
  { name: 'nv_inference_request_summary_us', help: 'Time from arrival to answer', of: (s) => s.latency },
  { name: 'nv_inference_queue_summary_us', help: 'Time in the queue', of: (s) => s.queueLatency },
  {
    name: 'nv_inference_compute_input_summary_us',
    help: 'Time preparing inputs, by request',
    of: (s) => s.computeInputLatency,
  },
  {
    name: 'nv_inference_compute_infer_summary_us',
    help: 'Time in the engine, by request',
    of: (s) => s.computeInferLatency,
  },
  {
    name: 'nv_inference_compute_output_summary_us',
    help: 'Time building answers, by request',
    of: (s) => s.computeOutputLatency,
  },
];

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

export function inferenceMetricsText(models: readonly Measured[]): string {
  const lines: string[] = [];
  for (const { name, type, help, read, of } of SERIES) {
    const those = of === undefined ? models : models.filter(of);
    if (those.length === 0) continue;
    head(lines, name, type, help);
    for (const model of those) lines.push(`${name}{${labelsOf(model)}} ${read(model.statistics, model)}`);
  }
  failures(lines, models);
  for (const { name, help, of } of SUMMARIES) {
    head(lines, name, 'summary', `${help}, since the version was loaded`);
    for (const model of models) summary(lines, name, labelsOf(model), of(model.statistics));
  }
  firstResponses(
    lines,
    models.filter(({ spec }) => spec.decoupled),
  );
  return `${lines.join('\n')}\n`;
}

function head(lines: string[], name: string, type: string, help: string): void {
  lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
}

function labelsOf({ name, version }: Measured): string {
  return `model="${name.replace(/[\\"\n]/g, '_')}",version="${version}"`;
}

function failures(lines: string[], models: readonly Measured[]): void {
  const name = 'nv_inference_request_failure';
  head(lines, name, 'counter', 'Requests that failed');
  for (const model of models) {
    for (const reason of FAILURE_REASONS) {
      lines.push(`${name}{${labelsOf(model)},reason="${reason}"} ${model.statistics.failures[reason]}`);
    }
  }
}

function summary(lines: string[], name: string, labels: string, histogram: LatencyHistogram): void {
  for (const q of QUANTILES) lines.push(`${name}{${labels},quantile="${q}"} ${histogram.quantileUs(q)}`);
  lines.push(`${name}_sum{${labels}} ${histogram.totalUs}`, `${name}_count{${labels}} ${histogram.count}`);
}

/** Only decoupled models have it, as in Triton. */
function firstResponses(lines: string[], models: readonly Measured[]): void {
  if (models.length === 0) return;
  const name = 'nv_inference_first_response_histogram_ms';
  head(lines, name, 'histogram', "Time from arrival to a request's first answer");
  for (const model of models) {
    const { firstResponses: counts, firstResponseMs } = model.statistics;
    const labels = labelsOf(model);
    let total = 0;
    for (const [at, count] of counts.entries()) {
      total += count;
      lines.push(`${name}_bucket{${labels},le="${FIRST_RESPONSE_EDGES_MS[at] ?? '+Inf'}"} ${total}`);
    }
    lines.push(`${name}_sum{${labels}} ${firstResponseMs}`, `${name}_count{${labels}} ${total}`);
  }
}
