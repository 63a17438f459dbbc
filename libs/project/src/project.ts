// The project file (project.yaml) after parsing: what one machine-learned problem is, and how Millrace keeps it good.
// Durations in the file are texts such as "3h", "15m", "3d"; here they are milliseconds.

import type { ClockRules, PlatformEvent, RetentionRules, Scalar, TaskKind } from '@millrace/domain';
import type { OptionValues } from '@millrace/drift';
import type { BaselineEvaluation, Threshold } from '@millrace/evaluation';
import type { AnalysisPlan, BanditPlan, MatchRule, PlannedStep, RolloutChecks } from '@millrace/routing';
import type { Decimal, TableFormat } from '@millrace/tabular';
import type { TimeFormat } from './time-format.js';

export interface Project {
  /** Also the model's name on the wire: [a-z][a-z0-9-]{0,62}. */
  name: string;
  scope: ProjectScope;
  data: ProjectData;
  features: readonly FeatureSpec[];
  model: ModelSpec;
  training: TrainingSpec;
  evaluation: EvaluationSpec;
  rollout: RolloutSpec;
  monitoring: MonitoringSpec;
  retrain: RetrainSpec;
  serving: ServingSpec;
  retention: RetentionSpec;
  notify: NotifySpec;
  /** For examples only. */
  replay?: ReplaySpec;
}

/** Who is told what happens. */
export interface NotifySpec {
  webhooks: readonly WebhookSpec[];
}

export interface WebhookSpec {
  url: string;
  /** Empty = all. */
  events: readonly PlatformEvent[];
  /** Environment variable of the monitor that holds the secret. */
  secretEnv: string;
  headers: Readonly<Record<string, string>>;
}

/** What is deleted by itself. */
export interface RetentionSpec {
  /** undefined = every dataset version is kept. */
  datasets: RetentionRules | undefined;
  /** undefined = every model version is kept. */
  models: RetentionRules | undefined;
}

export interface ProjectScope {
  problem: string;
  task: TaskKind;
  /** Name of the metric that decides between two models. */
  metric: string;
  baselines: readonly BaselineSpec[];
  resources: { workers: number };
}

export interface BaselineSpec {
  name: string;
  kind: BaselineEvaluation['kind'];
  /**
   * Of the deciding metric; undefined where the baseline is computed on the same rows, which `ComputedBaseline` are.
   */
  value?: number;
}

/** Baselines that the trainer computes, by their names. */
export const COMPUTED_BASELINES = ['majority', 'logistic'] as const;
export type ComputedBaseline = (typeof COMPUTED_BASELINES)[number];

/** Keys that carry a record's id beside its columns; a column of the project that is called so is none. */
export const ID_KEYS: readonly string[] = ['recordId', 'record_id'];

/** What it means that a project has none of recordId, entity, eventTime or label: docs/project-file.md. */
export interface ProjectData {
  /** Named sources a bulk import can read. */
  sources: Readonly<Record<string, SourceSpec>>;
  /** Column whose value identifies a record; undefined = file and row, or what the sender says. */
  recordId: string | undefined;
  /** Column whose value is the entity (the Kafka key and the sticky key); undefined = each record is on its own. */
  entity: string | undefined;
  /** Timestamp column; undefined = a record has the time of its arrival. */
  eventTime: string | undefined;
  columns: readonly ColumnSpec[];
  /** Of numbers in CSV files; undefined = '.'. */
  decimal?: Decimal;
  /** undefined = the project is monitored only. */
  label: LabelSpec | undefined;
  /** Event-time span of one live dataset version. */
  versionEveryMs: number;
  /** Processing time from one version with late labels to the next. */
  labelRefreshMs: number;
  /** Processing time that a label waits for its record. */
  labelWaitMs: number;
  /** Processing time without a message after which open spans close. */
  closeAfterIdleMs: number;
  /** Which event times are believed at once. */
  clock: ClockRules;
}

export interface SourceSpec {
  kind: TableFormat;
  /** A path relative to the project file, or "npm:<package>/<path>" for a file of an installed package. */
  path: string;
  /**
   * row-number: the row's number in the file (from 0); otherwise a column's name. Absent: `recordId` or `record_id` of
   * the row, else the file's hash and the row.
   */
  recordId?: 'row-number' | string;
}

export type ColumnType = 'number' | 'integer' | 'text' | 'boolean' | 'timestamp';

export interface ColumnSpec {
  name: string;
  type: ColumnType;
  /** A required column without a value makes the record bad. */
  required: boolean;
  min?: number;
  max?: number;
  /** Closed domain of a text column: a value outside makes the record bad. */
  domain?: readonly string[];
  /** Longest text in characters; default 256. */
  lengthMax: number;
  /** Texts that stand for no value, besides an empty one. */
  missing?: readonly string[];
  /** How its times are written; undefined = ISO 8601 or milliseconds. */
  format?: TimeFormat;
  /** Filled from another column where the record or request brings no value. */
  derive?: DeriveSpec;
  /** The column carries the outcome: it is never a feature and is not expected on live records. */
  outcome: boolean;
}

export interface DeriveSpec {
  from: string;
  /** UTC part of a timestamp. weekday: 0 = Sunday. */
  part: 'hour' | 'minute' | 'minute_of_day' | 'weekday' | 'day' | 'month' | 'day_of_year';
}

export interface LabelSpec {
  name: string;
  column: string;
  operation: 'gt' | 'ge' | 'lt' | 'le' | 'eq' | 'ne' | 'identity';
  value: Scalar;
  /** Event time from the record to its label. */
  delayMs: number;
}

/** How a raw column becomes model input. */
export interface FeatureSpec {
  /** The raw column. */
  name: string;
  kind: 'numeric' | 'categorical';
  /** numeric: one of SCALINGS in libs/features. */
  scaling?: string;
  /** numeric: numbers outside the range seen in training count as its nearest end; undefined = true. */
  clamp?: boolean;
  /** Period for an extra sine and cosine pair (24 for hours). */
  period?: number;
  /** categorical: values seen fewer times than this share the unknown bucket. */
  minCount?: number;
  vocabularyMax?: number;
  /** Embedding width; 0 = one-hot. */
  embedding?: number;
  /** What a missing value becomes: the mean / a constant (numeric), or the unknown bucket (categorical). */
  missing?: 'mean' | 'unknown' | { constant: number };
}

export interface ModelSpec {
  kind: 'mlp' | 'logistic';
  hidden: readonly number[];
  activation: 'relu' | 'tanh';
  dropout: number;
  /** undefined = as strong as scikit-learn's C = 1: 0.5 / rows. */
  l2?: number;
  /** Pairs of columns hashed into one joint categorical input. */
  crosses: readonly { columns: readonly string[]; buckets: number; embedding: number }[];
}

/**
 * Worker processes of one training. Every rank holds a connection to every other one, and admits 64 handshakes at a
 * time; more ranks have not been tried.
 */
export const WORKERS_MAX = 64;

export interface TrainingSpec {
  optimizer: 'adam' | 'sgd';
  learningRate: number;
  /** Global batch in rows, split over the workers; undefined = from the number of rows. */
  batchRows?: number;
  /** Passes over the rows; undefined = held-out rows say when it is enough. */
  epochs?: number;
  seed: number;
  workers: number;
  /** Learning rate decays to this share of itself: linearly over `epochs`, else where held-out rows show no gain. */
  finalLearningRateShare: number;
  checkpointEverySteps: number;
}

export interface EvaluationSpec {
  /** The first version: rows from this event time on evaluate. */
  fromMs?: number;
  /** Otherwise: the newest share of rows evaluates. */
  share: number;
  /** Of the interval by which a version is better than another one; 0 = the bare figures decide. */
  confidence: number;
  /** Columns whose values are evaluated apart. */
  slices: readonly string[];
  /** Gates for the first version and for every challenger. */
  thresholds: readonly Threshold[];
}

export interface RolloutSpec {
  /** A name of libs/routing's registry. */
  strategy: string;
  /** Of a strategy that goes in steps; undefined = its own. */
  steps?: readonly PlannedStep[];
  /** Of a strategy that moves all traffic at once; undefined = none. */
  checks?: RolloutChecks;
  /** Of strategy bandit, and only of that. */
  bandit?: BanditPlan;
  /** Of a strategy that goes in steps, or has checks. */
  analysis: AnalysisPlan;
  /** How long versions without traffic stay loaded. */
  keepMs: number;
  /** undefined = a request that fails has failed. */
  fallback?: FallbackSpec;
  /** False where the project has no entity that could stay with a version. */
  sticky: boolean;
  /** Blessed versions go live by themselves. */
  automatic: boolean;
  probation: ProbationSpec;
  /** Rules about headers, before the split of traffic. */
  matches?: readonly MatchRule[];
}

/** Requests that fail by their version's fault are asked of the version before it. */
export interface FallbackSpec {
  /** Percent of the requests that may be asked twice. */
  share: number;
}

/** How long a new version may turn out to be worse than the one before it. */
export interface ProbationSpec {
  /** Of the labelled rows of each dataset version, in (0, 1]: those that both are asked for. */
  share: number;
  /** Processing time; 0 = there is no probation. */
  forMs: number;
}

export interface MonitoringSpec {
  windowMs: number;
  /**
   * A window closes when the watermark of predictions passes its end by this; its quality is judged when the watermark
   * of labels passes it by the label's delay plus this.
   */
  allowedLatenessMs: number;
  /** Below this many rows a window is not tested. */
  minRows: number;
  /** Rows that become the reference of a version whose package brings none: the first ones that it answers. */
  referenceRows: number;
  input: {
    /** By option of the detectors that look at features (libs/drift). */
    options: OptionValues;
    /** Level of all tests of a window and version together. */
    alpha: number;
    /** By feature name. */
    features: Readonly<Record<string, FeatureMonitoring>>;
  };
  /** By option of the detectors that look at scores and quality. */
  output: OptionValues;
  /** By option of the detectors that look at the service. */
  software: OptionValues;
  /** Alarms must hold in this many windows in a row before a drift event. */
  consecutiveWindows: number;
  archive: ArchiveSpec;
}

/** Predictions and labels that are kept beyond their topics. */
export interface ArchiveSpec {
  /** Processing time; 0 = nothing is archived. */
  keepMs: number;
  /** The oldest go first where they take more. */
  bytesMax: number;
}

export interface FeatureMonitoring {
  /** Never tested. */
  ignore: boolean;
  /** Stand in for the project's own options. */
  options: OptionValues;
}

export const RETRAIN_POLICIES = ['alarm', 'schedule', 'cost'] as const;

export interface RetrainPrices {
  /** Of one retraining. */
  retraining: number;
  /** Of a log loss that is larger by 1 on one prediction, in the same unit. */
  loss: number;
}

export interface RetrainSpec {
  /** A retraining begins where it would save more than it costs, for nothing else; undefined = another policy. */
  prices?: RetrainPrices;
  /** False where the project has no label to learn from. */
  onDrift: boolean;
  /** Only drift of these features (empty = any), or "@score", "@quality". */
  features: readonly string[];
  /** Newest closed live dataset versions to train on. */
  versions: number;
  /** Of policy cost: so many at most, where as many of them are of the same world. */
  versionsMax?: number;
  /** Dataset versions that must close after the drifted window before the retraining starts. */
  settleVersions: number;
  evaluationShare: number;
  warmStart: boolean;
  /** Processing time after the last retraining, or since the version in service came, when another one is due. */
  everyMs?: number;
  /** New labelled rows that make one due. */
  rows?: number;
  cooldownMs: number;
  /** Retrainings that may start within any 24 hours of processing time. */
  budgetPerDay: number;
  approval: 'automatic' | 'manual';
  /** Different people who must approve; also a rollout, where it is not automatic. Not there: 1. */
  approvers?: number;
  /** Processing time after which what was not approved is given up; undefined = never. */
  approvalExpiresMs?: number;
}

export interface ServingSpec {
  /** undefined = a request brings every input itself. */
  onlineFeatures?: OnlineFeaturesSpec;
}

/** Columns of an entity's latest record that stand in where a request leaves them out. */
export interface OnlineFeaturesSpec {
  /** Features that records bring; in the order of the file. */
  columns: readonly string[];
  /** Event time from the record to the request beyond which a value is not used. */
  maxAgeMs: number;
  /** Processing time that an entity without a new record is kept. */
  keepMs: number;
  /** Entities kept; the one whose record came in longest ago leaves first. */
  entitiesMax: number;
  /** What stands in where there is no value of the right age, by column. */
  defaults: Readonly<Record<string, Scalar>>;
}

export interface ReplaySpec {
  source: string;
  /** Bulk load: rows with event time in [fromMs, toMs), and how many. */
  history: { fromMs: number; toMs: number; rows: number; badRows: number; trainToMs: number };
  /** Live traffic. */
  live: {
    fromMs: number;
    toMs: number;
    rows: number;
    ratePerSecond: number;
    /** Further rows, as a share of `rows`, for traffic that goes on after the replay. */
    reserveShare: number;
    /** Where given: the replay's rows lie before it, the further ones from it on. */
    reserveFromMs?: number;
  };
  seed: number;
  /** What a full-length run must reach on the rows before the shift; the main job checks it. */
  expect?: { liveAuc: number; liveRows: number };
  shift?: {
    /** Share of the live rows from which on the shift applies (0.6667 = the last third). */
    fromShare: number;
    operations: readonly { feature: string; operation: 'add' | 'multiply' | 'set'; value: number; modulo?: number }[];
  };
}
