// Every metric of the platform: name, kind, unit, meaning and labels, one entry each. A metric that is not here
// cannot be recorded. Dashboards and alert rules in deploy/ use the same names (Prometheus: dots become underscores,
// counters end in _total). Labels have few values: a project's name, a model version, a cohort's key (at most
// COHORTS_MAX of them), a closed set; never an id or an entity.

import { ANALYSIS_METRICS } from './analysis-names.js';
import { EXPERIMENT_METRICS } from './experiment-names.js';
import { KAFKA_METRICS } from './kafka-names.js';
import type { MetricSpec } from './metric-spec.js';
import { RELAY_METRICS } from './relay-names.js';
import { TOLD_METRICS } from './told-names.js';

export const METRICS = {
  // process (libs/telemetry)
  'millrace.process.resident_memory': {
    kind: 'gauge',
    unit: 'By',
    description: 'Resident memory of the process',
    labels: [],
  },
  'millrace.process.cpu_time': {
    kind: 'counter',
    unit: 's',
    description: 'CPU time used, user and system',
    labels: [],
  },
  'millrace.process.event_loop_delay_p99': {
    kind: 'gauge',
    unit: 'ms',
    description: 'p99 of the event loop delay since the last reading',
    labels: [],
  },
  ...KAFKA_METRICS,
  // Redis (libs/redis)
  'millrace.redis.connected': { kind: 'gauge', unit: '1', description: '1 while Redis is reachable', labels: [] },
  // the artifact store (libs/artifacts); the request_, bytes and cache_ ones of a bucket only
  'millrace.artifacts.call_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of a call of the artifact store; outcome: ok or the code of the error',
    labels: ['call', 'outcome'],
  },
  'millrace.artifacts.request_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of a request to the bucket with its repetitions; outcome: ok or the code of the error',
    labels: ['operation', 'outcome'],
  },
  'millrace.artifacts.request_retries': {
    kind: 'counter',
    unit: '{retry}',
    description: 'Requests to the bucket that were sent again',
    labels: ['operation'],
  },
  'millrace.artifacts.bytes': {
    kind: 'counter',
    unit: 'By',
    description: 'Bytes of artifacts read from the bucket or written to it',
    labels: ['direction'],
  },
  'millrace.artifacts.cache_reads': {
    kind: 'counter',
    unit: '{read}',
    description: 'Copies of artifacts that were asked for: there (hit) or fetched (miss)',
    labels: ['outcome'],
  },
  'millrace.artifacts.cache_evictions': {
    kind: 'counter',
    unit: '{copy}',
    description: 'Copies of artifacts that were removed to make room',
    labels: [],
  },
  'millrace.artifacts.cache_bytes': {
    kind: 'gauge',
    unit: 'By',
    description: 'Copies of artifacts in this home, as last counted',
    labels: [],
  },
  // gRPC and HTTP servers (libs/grpc, libs/service)
  'millrace.rpc.server_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of a gRPC call in the server',
    labels: ['method', 'status'],
  },
  'millrace.http.server_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of an HTTP request in the server',
    labels: ['route', 'status'],
  },
  // router; requests, request_seconds, share_percent and rollout_* are rendered by the router itself (its
  // src/outcomes)
  'millrace.router.requests': {
    kind: 'counter',
    unit: '{request}',
    description: 'Answered inference requests by gRPC status',
    labels: ['project', 'version', 'status'],
  },
  'millrace.router.request_seconds': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from request read to answer handed over',
    labels: ['project', 'version'],
  },
  'millrace.router.share_percent': {
    kind: 'gauge',
    unit: '%',
    description: 'Live traffic that a version has by the route; 0 of one whose rollout has failed',
    labels: ['project', 'version'],
  },
  'millrace.router.rollout_step': {
    kind: 'gauge',
    unit: '1',
    description: 'Step of a rollout under way, from 1',
    labels: ['project', 'version'],
  },
  ...ANALYSIS_METRICS,
  ...EXPERIMENT_METRICS,
  ...TOLD_METRICS,
  ...RELAY_METRICS,
  'millrace.router.snapshot_unreadable': {
    kind: 'counter',
    unit: '{part}',
    description: 'Parts of the last known state on disk that could not be read at the start, and were left out',
    labels: [],
  },
  'millrace.router.match_fallthroughs': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that fit a rule of the project file whose version is not loaded',
    labels: ['project'],
  },
  'millrace.router.predictions_logged': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Rows that upstreams answered and Kafka has acknowledged',
    labels: [],
  },
  'millrace.router.predictions_dropped': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Rows that upstreams answered and that were not logged because the queue was full or the end came',
    labels: [],
  },
  'millrace.router.predictions_sampled_out': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Rows that upstreams answered, left out of the log by MILLRACE_ROUTER_LOG_SHARE',
    labels: [],
  },
  'millrace.router.predictions_unread': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Answers of upstreams that are not as their version is bound, or too large, or of a stream',
    labels: ['project'],
  },
  'millrace.router.log_queued': {
    kind: 'gauge',
    unit: '{prediction}',
    description: 'Rows that upstreams answered, waiting to be logged',
    labels: [],
  },
  'millrace.router.upstream_up': {
    kind: 'gauge',
    unit: '1',
    description: '1 while the upstream behind the whole router says that it is ready',
    labels: [],
  },
  // ingest (services/ingest)
  'millrace.ingest.accepted': {
    kind: 'counter',
    unit: '{row}',
    description: 'Records and labels acknowledged to their senders, rows of imports sent',
    labels: ['project', 'kind'],
  },
  'millrace.ingest.rejected': {
    kind: 'counter',
    unit: '{row}',
    description: 'Records, labels and rows of imports refused with their reasons',
    labels: ['project', 'kind'],
  },
  'millrace.ingest.late': {
    kind: 'counter',
    unit: '{row}',
    description: 'Records whose dataset version had closed; they go into the next one',
    labels: ['project'],
  },
  'millrace.ingest.versions_closed': {
    kind: 'counter',
    unit: '{version}',
    description: 'Dataset versions written and announced',
    labels: ['project', 'kind'],
  },
  'millrace.ingest.version_failures': {
    kind: 'counter',
    unit: '{try}',
    description: 'Tries to write a dataset version that failed; they are repeated',
    labels: ['project'],
  },
  'millrace.ingest.version_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'From the decision to close a live dataset version to its announcement',
    labels: ['project'],
  },
  'millrace.ingest.open_rows': {
    kind: 'gauge',
    unit: '{row}',
    description: 'Rows of the live stream whose dataset version is still open, as they were read',
    labels: ['project'],
  },
  'millrace.ingest.late_labels': {
    kind: 'gauge',
    unit: '{label}',
    description: 'Labels that came after their dataset version had closed, or whose record never came',
    labels: ['project'],
  },
  'millrace.ingest.unlabelled_rows': {
    kind: 'gauge',
    unit: '{row}',
    description: 'Rows of closed live versions without a label, by how long before the newest span theirs ended',
    labels: ['project', 'age'],
  },
  'millrace.ingest.waiting_labels': {
    kind: 'gauge',
    unit: '{label}',
    description: 'Labels that no record was found for, by how long before the newest span theirs ended',
    labels: ['project', 'age'],
  },
  'millrace.ingest.labels_expired': {
    kind: 'counter',
    unit: '{label}',
    description: 'Labels that went to the dead letters, for their record did not come within data.label.wait',
    labels: ['project'],
  },
  'millrace.ingest.segment_bytes': {
    kind: 'gauge',
    unit: 'By',
    description: 'Segments of open dataset versions and late labels on disk',
    labels: [],
  },
  'millrace.ingest.reading_stopped': {
    kind: 'gauge',
    unit: '1',
    description: '1 while no records and labels are taken in, for the segments are at their quota or the disk refuses',
    labels: [],
  },
  'millrace.ingest.doubted_times': {
    kind: 'counter',
    unit: '{record}',
    description: 'Records whose event time moves the watermark only when a second entity says so too',
    labels: ['project'],
  },
  'millrace.ingest.fitted_records': {
    kind: 'counter',
    unit: '{record}',
    description:
      'Records acknowledged by a schema that this process never knew: what did not fit the one of today is missing',
    labels: ['project'],
  },
  'millrace.ingest.unread_lost': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that retention or a deleted topic took before they were read',
    labels: ['topic'],
  },
  'millrace.ingest.versions_removed': {
    kind: 'counter',
    unit: '{version}',
    description: 'Dataset versions that retention has deleted',
    labels: ['project'],
  },
  'millrace.ingest.holds': {
    kind: 'gauge',
    unit: '{hold}',
    description: 'Legal holds in force',
    labels: ['project'],
  },
  'millrace.ingest.online_records': {
    kind: 'counter',
    unit: '{record}',
    description: 'Records that the online features in Redis stand for',
    labels: ['project'],
  },
  'millrace.ingest.online_entities': {
    kind: 'gauge',
    unit: '{entity}',
    description: 'Entities whose online features Redis keeps',
    labels: ['project'],
  },
  'millrace.ingest.online_rebuilds': {
    kind: 'counter',
    unit: '{partition}',
    description:
      'Partitions whose online features are built from the topic anew: asked for first, Redis empty, other columns',
    labels: ['project'],
  },
  // serving; nv_inference_* come beside them under Triton's names, read from the protocol's statistics
  'millrace.serving.predictions_dropped': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Predictions that were answered but not logged because the queue was full or the end came',
    labels: [],
  },
  'millrace.serving.predictions_logged': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Predictions acknowledged by Kafka',
    labels: [],
  },
  'millrace.serving.log_queued': {
    kind: 'gauge',
    unit: '{prediction}',
    description: 'Predictions waiting to be logged',
    labels: [],
  },
  'millrace.serving.predictions_sampled_out': {
    kind: 'counter',
    unit: '{prediction}',
    description: 'Predictions left out of the log by MILLRACE_SERVING_LOG_SHARE',
    labels: [],
  },
  'millrace.serving.online_rows': {
    kind: 'counter',
    unit: '{row}',
    description: 'Rows whose request left online features out: joined, too_old, absent, or Redis away',
    labels: ['project', 'outcome'],
  },
  'millrace.serving.online_age': {
    kind: 'histogram',
    unit: 's',
    description: 'Event time from the record that stood in to the request',
    labels: ['project'],
    bounds: [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200, 86_400, 604_800],
  },
  'millrace.serving.online_read_duration': {
    kind: 'histogram',
    unit: 'ms',
    description: 'Time of one read of online features from Redis, for all requests that came together',
    labels: [],
  },
  'millrace.serving.online_circuit_open': {
    kind: 'gauge',
    unit: '1',
    description: '1 while Redis is not asked because it failed several times in a row',
    labels: [],
  },
  'millrace.serving.models_ready': {
    kind: 'gauge',
    unit: '{version}',
    description: 'Model versions that answer',
    labels: [],
  },
  'millrace.serving.engine_crashes': {
    kind: 'counter',
    unit: '{process}',
    description: 'Engine processes that ended by themselves',
    labels: ['model'],
  },
  'millrace.serving.engine_calls_lost': {
    kind: 'counter',
    unit: '{call}',
    description: 'Calls that an engine process took with it when it ended; each may be a batch of requests',
    labels: ['model'],
  },
  'millrace.serving.requests_apart': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that ran alone, because a batch that they were in failed, by outcome (answered, refused)',
    labels: ['model', 'outcome'],
  },
  'millrace.serving.wrong_answers': {
    kind: 'counter',
    unit: '{request}',
    description: "Requests that failed because a model's answer is no answer of the project's task",
    labels: ['model'],
  },
  'millrace.serving.relay_streams': {
    kind: 'gauge',
    unit: '{stream}',
    description: 'Open streams from routers',
    labels: [],
  },
  // monitor
  'millrace.monitor.lag': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Predictions and labels known to be unread',
    labels: [],
  },
  'millrace.monitor.windows_closed': {
    kind: 'counter',
    unit: '{window}',
    description: 'Windows closed and published',
    labels: ['project'],
  },
  'millrace.monitor.drift_events': {
    kind: 'counter',
    unit: '{event}',
    description: 'Drift events published',
    labels: ['project', 'cohort'],
  },
  'millrace.monitor.active_alarms': {
    kind: 'gauge',
    unit: '{alarm}',
    description: 'Alarm episodes that last, all projects together',
    labels: [],
  },
  'millrace.version.good': {
    kind: 'gauge',
    unit: '1',
    description: '1: the version is good, 0: it is bad; no series: nothing is known of it',
    labels: ['project', 'version'],
  },
  'millrace.monitor.labels_joined': {
    kind: 'gauge',
    unit: '{label}',
    description: 'Labels joined with their predictions since the state began, all projects together',
    labels: [],
  },
  'millrace.monitor.partitions_recreated': {
    kind: 'counter',
    unit: '{partition}',
    description: 'Partitions of a topic that was deleted and created again, read from their beginning',
    labels: ['stream'],
  },
  'millrace.monitor.reused_ids': {
    kind: 'gauge',
    unit: '{prediction}',
    description: 'Predictions that have the id of another one since the state began, all projects together',
    labels: [],
  },
  'millrace.monitor.archived': {
    kind: 'counter',
    unit: '{message}',
    description: 'Predictions and labels written to the archive',
    labels: ['kind'],
  },
  'millrace.monitor.archive_waiting': {
    kind: 'gauge',
    unit: 'By',
    description: 'Predictions and labels that wait to be archived',
    labels: [],
  },
  'millrace.monitor.archive_failures': {
    kind: 'counter',
    unit: '{failure}',
    description: 'Times the archive began to fail; reading stops when what waits has no more room',
    labels: [],
  },
  'millrace.monitor.archive_cut': {
    kind: 'counter',
    unit: '{message}',
    description: "Archived predictions and labels that a project's quota took before their time",
    labels: ['project'],
  },
  'millrace.monitor.archive_lost': {
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that their topic lost before they were archived, or that cannot be written',
    labels: ['kind'],
  },
  'millrace.monitor.checkpoint_duration': {
    kind: 'gauge',
    unit: 'ms',
    description: 'Time the last checkpoint took',
    labels: [],
  },
  'millrace.monitor.checkpoint_bytes': {
    kind: 'gauge',
    unit: 'By',
    description: 'Written in the last checkpoint: what had changed since the one before',
    labels: [],
  },
  'millrace.monitor.restore_duration': {
    kind: 'gauge',
    unit: 'ms',
    description: 'Time that the last taking over of partition numbers took, checkpoints read and restored',
    labels: [],
  },
  // training (services/trainer)
  'millrace.trainer.models_removed': {
    kind: 'counter',
    unit: '{version}',
    description: 'Model versions that retention has deleted, with their packages',
    labels: ['project'],
  },
  'millrace.trainer.workers': {
    kind: 'gauge',
    unit: '{worker}',
    description: 'Training workers that have joined',
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof METRICS;

/** Names of a kind: `MetricOf<'counter'>`. */
export type MetricOf<K extends MetricSpec['kind']> = {
  [N in MetricName]: (typeof METRICS)[N]['kind'] extends K ? N : never;
}[MetricName];
