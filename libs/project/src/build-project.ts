// From the checked plain document to a Project: defaults filled, durations and dates in milliseconds. The document has
// passed the JSON schema, so types are as written there.

import type { Scalar } from '@millrace/domain';
import { ALPHA, type OptionValues, optionsOf, type SubjectGroup } from '@millrace/drift';
import { DEFAULT_STRATEGY } from '@millrace/routing';
import { parseDate, parseDuration } from './duration.js';
import type {
  BaselineSpec,
  ColumnSpec,
  DeriveSpec,
  EvaluationSpec,
  FeatureMonitoring,
  FeatureSpec,
  LabelSpec,
  ModelSpec,
  Project,
  ReplaySpec,
  ServingSpec,
  SourceSpec,
} from './project.js';

// biome-ignore lint/suspicious/noExplicitAny: the document's shape is the JSON schema's, checked before.
type Document = any;

const ms = (text: string | undefined, fallback: string): number => parseDuration(text ?? fallback) ?? 0;
const at = (text: string): number => parseDate(text) ?? Number.NaN;

function column(raw: Document): ColumnSpec {
  return {
    name: raw.name,
    type: raw.type,
    required: raw.required ?? false,
    ...(raw.min === undefined ? {} : { min: raw.min }),
    ...(raw.max === undefined ? {} : { max: raw.max }),
    ...(raw.domain === undefined ? {} : { domain: raw.domain }),
    lengthMax: raw.lengthMax ?? 256,
    ...(raw.derive === undefined ? {} : { derive: raw.derive as DeriveSpec }),
    outcome: raw.outcome ?? false,
  };
}

function label(raw: Document): LabelSpec {
  return {
    name: raw.name,
    column: raw.column,
    operation: raw.operation ?? 'identity',
    value: (raw.value ?? null) as Scalar,
    delayMs: ms(raw.delay, '0s'),
  };
}

function sources(raw: Document): Record<string, SourceSpec> {
  const named = Object.entries((raw ?? {}) as Record<string, SourceSpec>);
  return Object.fromEntries(
    named.map(([name, source]) => [
      name,
      { kind: source.kind, path: source.path, recordId: source.recordId ?? 'row-number' },
    ]),
  );
}

function model(raw: Document): ModelSpec {
  return {
    kind: raw.kind ?? 'mlp',
    hidden: raw.kind === 'logistic' ? [] : (raw.hidden ?? [64, 32]),
    activation: raw.activation ?? 'relu',
    dropout: raw.dropout ?? 0,
    l2: raw.l2 ?? 0,
    crosses: raw.crosses ?? [],
  };
}

function evaluation(raw: Document): EvaluationSpec {
  return {
    ...(raw.from === undefined ? {} : { fromMs: at(raw.from) }),
    share: raw.share ?? 0.2,
    slices: raw.slices ?? [],
    thresholds: raw.thresholds ?? [],
  };
}

function serving(raw: Document): ServingSpec {
  const online = raw.onlineFeatures;
  if (online === undefined) return {};
  return {
    onlineFeatures: {
      columns: online.columns,
      maxAgeMs: ms(online.maxAge, '1h'),
      keepMs: ms(online.keep, '1d'),
      entitiesMax: online.entitiesMax ?? 100_000,
      defaults: online.defaults ?? {},
    },
  };
}

/** A value for every option of the group's detectors. */
function optionValues(group: SubjectGroup, raw: Document): OptionValues {
  return Object.fromEntries(Object.entries(optionsOf(group)).map(([key, option]) => [key, raw[key] ?? option.default]));
}

function featureMonitoring(raw: Document): Record<string, FeatureMonitoring> {
  return Object.fromEntries(
    Object.entries(raw as Record<string, Document>).map(([name, { ignore, ...options }]) => [
      name,
      { ignore: ignore ?? false, options },
    ]),
  );
}

function replay(raw: Document): ReplaySpec {
  const { history, live } = raw;
  return {
    source: raw.source,
    seed: raw.seed ?? 1,
    history: {
      fromMs: at(history.from),
      toMs: at(history.to),
      trainToMs: at(history.trainTo),
      rows: history.rows,
      badRows: history.badRows ?? 0,
    },
    live: {
      fromMs: at(live.from),
      toMs: at(live.to),
      rows: live.rows,
      ratePerSecond: live.ratePerSecond ?? 1_000,
      reserveShare: live.reserveShare ?? 0,
      ...(live.reserveFrom === undefined ? {} : { reserveFromMs: at(live.reserveFrom) }),
    },
    ...(raw.expect === undefined ? {} : { expect: raw.expect }),
    ...(raw.shift === undefined ? {} : { shift: raw.shift }),
  };
}

const DEFAULT_BASELINES: readonly BaselineSpec[] = [
  { name: 'majority', kind: 'trivial' },
  { name: 'logistic', kind: 'older_system' },
];

export function buildProject(raw: Document): Project {
  const scope = raw.scope ?? {};
  const training = raw.training ?? {};
  const monitoring = raw.monitoring ?? {};
  const input = monitoring.input ?? {};
  const retrain = raw.retrain ?? {};
  const workers = scope.resources?.workers ?? 1;
  return {
    name: raw.name,
    scope: {
      problem: scope.problem ?? raw.name,
      task: scope.task ?? 'binary',
      metric: scope.metric ?? 'log_loss',
      baselines: scope.baselines ?? DEFAULT_BASELINES,
      resources: { workers },
    },
    data: {
      sources: sources(raw.data.sources),
      entity: raw.data.entity,
      eventTime: raw.data.eventTime,
      columns: raw.data.columns.map(column),
      label: label(raw.data.label),
      versionEveryMs: ms(raw.data.versionEvery, '1d'),
    },
    features: raw.features as FeatureSpec[],
    model: model(raw.model ?? {}),
    training: {
      optimizer: training.optimizer ?? 'adam',
      learningRate: training.learningRate ?? 0.003,
      batchRows: training.batchRows ?? 2_048,
      epochs: training.epochs ?? 6,
      seed: training.seed ?? 7,
      workers: training.workers ?? workers,
      finalLearningRateShare: training.finalLearningRateShare ?? 0.1,
      checkpointEverySteps: training.checkpointEverySteps ?? 50,
    },
    evaluation: evaluation(raw.evaluation ?? {}),
    rollout: {
      strategy: raw.rollout?.strategy ?? DEFAULT_STRATEGY.name,
      sticky: raw.rollout?.sticky ?? true,
      automatic: raw.rollout?.automatic ?? true,
    },
    monitoring: {
      windowMs: ms(monitoring.window, '1d'),
      allowedLatenessMs: ms(monitoring.allowedLateness, '1h'),
      minRows: monitoring.minRows ?? 500,
      input: {
        options: optionValues('input', input),
        alpha: input.alpha ?? ALPHA.default,
        features: featureMonitoring(input.features ?? {}),
      },
      output: optionValues('output', monitoring.output ?? {}),
      software: optionValues('software', monitoring.software ?? {}),
      consecutiveWindows: monitoring.consecutiveWindows ?? 1,
    },
    retrain: {
      onDrift: retrain.onDrift ?? true,
      features: retrain.features ?? [],
      versions: retrain.versions ?? 3,
      settleVersions: retrain.settleVersions ?? 1,
      evaluationShare: retrain.evaluationShare ?? 0.2,
      warmStart: retrain.warmStart ?? true,
      cooldownMs: ms(retrain.cooldown, '10m'),
      budgetPerDay: retrain.budgetPerDay ?? 4,
      approval: retrain.approval ?? 'automatic',
    },
    serving: serving(raw.serving ?? {}),
    ...(raw.replay === undefined ? {} : { replay: replay(raw.replay) }),
  };
}
