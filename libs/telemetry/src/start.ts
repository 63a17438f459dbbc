// Starts traces, metrics and logs for one process. Nothing leaves the machine unless an OTLP endpoint is set; metrics
// are always readable as Prometheus text (`prometheusText`, served on the service's own HTTP port). The providers are
// put together here instead of by NodeSDK, which loads every exporter there is.

import { environment, loadConfig } from '@millrace/config';
import { commonSettings, type Environment } from '@millrace/deployment';
import { type Context, context, metrics, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import {
  AggregationType,
  type IMetricReader,
  InstrumentType,
  MeterProvider,
  MetricReader,
  PeriodicExportingMetricReader,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  SamplingDecision,
  type SamplingResult,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { attachMeter, detachMeter } from './instruments.js';
import { configureLogs, type LogLevel, logger } from './logger.js';
import { DURATION_MS_BOUNDS, type MetricSpec } from './metric-spec.js';
import { METRICS } from './names.js';
import { observeProcess } from './process-metrics.js';
import { isDrawnRoot } from './trace.js';

export interface TelemetrySettings {
  /** Goes into every span, metric and log line: "ingest", "trainer", … */
  service: string;
  /** Default true: keep metrics readable by `prometheusText()`. */
  prometheus?: boolean;
  /**
   * Where MILLRACE_LOG_LEVEL, MILLRACE_TRACE_RATIO and OTEL_EXPORTER_OTLP_ENDPOINT are read; default: the process's.
   */
  env?: Environment;
  /** Extra span processors (tests read spans from memory). */
  spanProcessors?: SpanProcessor[];
}

export interface Telemetry {
  /** Sends what is buffered. */
  flush(): Promise<void>;
  /** Flushes and stops, each exporter for at most SHUTDOWN_MS. */
  stop(): Promise<void>;
}

/**
 * A second: a trace is in the collector before someone looks for it; at most SPAN_QUEUE_MAX spans wait, more are
 * dropped.
 */
const EXPORT_DELAY_MS = 1000;
const SPAN_QUEUE_MAX = 8192;
const METRIC_INTERVAL_MS = 10_000;
const SHUTDOWN_MS = 3000;

/** A reader that collects only when asked. */
class PullReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

let reader: PullReader | undefined;
const serializer = new PrometheusSerializer('', false);

const extraTexts: (() => string)[] = [];

/**
 * Adds text in Prometheus' format to every scrape: for metrics whose names are fixed by others (Triton's
 * nv_inference_*).
 */
export function appendMetricsText(text: () => string): void {
  extraTexts.push(text);
}

let gather: (() => Promise<string>) | undefined;

/** From now on a scrape is answered with what `text` gives: where several processes stand behind one port. */
export function gatherMetricsText(text: () => Promise<string>): void {
  gather = text;
}

/** What this process measured, in Prometheus' text format, without appended texts; "" before start-up. */
export async function processMetricsText(): Promise<string> {
  if (reader === undefined) return '';
  const { resourceMetrics, errors } = await reader.collect();
  for (const error of errors) logger('telemetry').warn('a metric could not be read', {}, error);
  return serializer.serialize(resourceMetrics);
}

/** The answer to a scrape: everything measured so far, in Prometheus' text format; "" before start-up. */
export async function prometheusText(): Promise<string> {
  if (reader === undefined) return '';
  if (gather !== undefined) return gather();
  return (await processMetricsText()) + extraTexts.map((text) => text()).join('');
}

function histogramViews(): ViewOptions[] {
  return Object.entries(METRICS as Readonly<Record<string, MetricSpec>>)
    .filter(([, spec]) => spec.kind === 'histogram')
    .map(([name, spec]) => ({
      instrumentName: name,
      instrumentType: InstrumentType.HISTOGRAM,
      aggregation: {
        type: AggregationType.EXPLICIT_BUCKET_HISTOGRAM,
        options: { boundaries: [...(spec.bounds ?? DURATION_MS_BOUNDS)], recordMinMax: false },
      },
    }));
}

/** Starts telemetry once per process; call it before anything else in main.ts. */
/** By the ratio, unless whoever starts the root has drawn it. */
class RootSampler extends TraceIdRatioBasedSampler {
  override shouldSample(parent: Context, traceId: string): SamplingResult {
    return isDrawnRoot(parent)
      ? { decision: SamplingDecision.RECORD_AND_SAMPLED }
      : super.shouldSample(parent, traceId);
  }
}

export function startTelemetry(settings: TelemetrySettings): Telemetry {
  const { logLevel, traceRatio, otlpEndpoint, replica } = commonSettings;
  const config = loadConfig({ logLevel, traceRatio, otlpEndpoint, replica }, settings.env ?? environment());
  const endpoint = config.otlpEndpoint.replace(/\/$/, '');
  const resource = resourceFromAttributes({
    'service.name': `millrace-${settings.service}`,
    'service.namespace': 'millrace',
    'service.instance.id': config.replica,
  });

  const spanProcessors: SpanProcessor[] = [...(settings.spanProcessors ?? [])];
  const readers: IMetricReader[] = [];
  if (endpoint !== '') {
    const exporter = new OTLPTraceExporter({ url: `${endpoint}/v1/traces` });
    spanProcessors.push(
      new BatchSpanProcessor({ exporter, scheduledDelayMillis: EXPORT_DELAY_MS, maxQueueSize: SPAN_QUEUE_MAX }),
    );
    readers.push(
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
        exportIntervalMillis: METRIC_INTERVAL_MS,
      }),
    );
  }
  reader = settings.prometheus === false ? undefined : new PullReader();
  if (reader !== undefined) readers.push(reader);

  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const tracerProvider = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new RootSampler(config.traceRatio) }),
    spanLimits: { linkCountLimit: 128, attributeCountLimit: 64, attributeValueLengthLimit: 4096 },
    spanProcessors,
  });
  trace.setGlobalTracerProvider(tracerProvider);
  const meterProvider = new MeterProvider({ resource, readers, views: histogramViews() });
  metrics.setGlobalMeterProvider(meterProvider);
  attachMeter(meterProvider.getMeter('millrace'));
  const loggerProvider =
    endpoint === ''
      ? undefined
      : new LoggerProvider({
          resource,
          processors: [
            new BatchLogRecordProcessor({
              exporter: new OTLPLogExporter({ url: `${endpoint}/v1/logs` }),
              scheduledDelayMillis: EXPORT_DELAY_MS,
            }),
          ],
        });
  configureLogs({
    service: settings.service,
    level: config.logLevel as LogLevel,
    otel: loggerProvider?.getLogger('millrace'),
  });
  const stopObserving = observeProcess();

  const each = async (action: 'forceFlush' | 'shutdown'): Promise<void> => {
    const work = [tracerProvider, meterProvider, loggerProvider].map((provider) => provider?.[action]());
    // A collector that does not answer must not hold the process: it ends anyway.
    await Promise.race([Promise.allSettled(work), new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref())]);
  };
  return {
    flush: () => each('forceFlush'),
    stop: async () => {
      stopObserving();
      await each('shutdown');
      reader = undefined;
      gather = undefined;
      detachMeter();
      configureLogs({ otel: undefined });
      trace.disable();
      metrics.disable();
      context.disable();
    },
  };
}
