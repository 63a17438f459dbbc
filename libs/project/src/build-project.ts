// From the checked plain document, its defaults filled in (fill-defaults.ts), to a Project: durations and dates in
// milliseconds, and what follows from another key where it is not written. The document has passed the JSON schema, so
// types are as written there.

import type { RetentionRules, Scalar } from '@millrace/domain';
import { type BanditPlan, DEFAULT_BANDIT, type PlannedStep, STEP_MS_DEFAULT } from '@millrace/routing';
import { analysisOf } from './analysis-schema.js';
import { parseDate, parseDuration } from './duration.js';
import type {
  ColumnSpec,
  DeriveSpec,
  EvaluationSpec,
  FeatureMonitoring,
  LabelSpec,
  ModelSpec,
  MonitoringSpec,
  Project,
  ReplaySpec,
  RetrainSpec,
  RolloutSpec,
  ServingSpec,
  SourceSpec,
  WebhookSpec,
} from './project.js';
import { versionsTaught } from './retrains-itself.js';
import { rolloutTerms } from './rollout-terms.js';
import { parseSize } from './size.js';

// biome-ignore lint/suspicious/noExplicitAny: the document's shape is the JSON schema's, checked before.
type Document = any;

const ms = (text: string): number => parseDuration(text) ?? 0;
const at = (text: string): number => parseDate(text) ?? Number.NaN;

function column(raw: Document): ColumnSpec {
  return {
    name: raw.name,
    type: raw.type,
    required: raw.required,
    ...(raw.min === undefined ? {} : { min: raw.min }),
    ...(raw.max === undefined ? {} : { max: raw.max }),
    ...(raw.domain === undefined ? {} : { domain: raw.domain }),
    lengthMax: raw.lengthMax,
    ...(raw.missing === undefined ? {} : { missing: raw.missing }),
    ...(raw.format === undefined ? {} : { format: raw.format }),
    ...(raw.derive === undefined ? {} : { derive: raw.derive as DeriveSpec }),
    outcome: raw.outcome,
  };
}

function sources(data: Document): Record<string, SourceSpec> {
  const named: [string, Document][] = Object.entries(data.sources);
  const { recordId } = data;
  return Object.fromEntries(
    named.map(([name, source]) => [name, { ...(recordId === undefined ? {} : { recordId }), ...source }]),
  );
}

/** Not a part of the label's rule, which is a part of what the schema's hash covers. */
function labelRefresh({ label: rule, versionEvery }: Document): number {
  if (rule === undefined) return ms(versionEvery);
  return rule.refresh === undefined ? Math.max(ms(rule.delay), ms(versionEvery)) : ms(rule.refresh);
}

/** As long as dead letters are kept: who looks there now and then misses nothing. */
const LABEL_WAIT_MS_MIN = 30 * 86_400_000;
const LABEL_WAIT_ROUNDS = 3;

function labelWait(data: Document): number {
  const { label: rule, versionEvery } = data;
  if (rule?.wait !== undefined) return ms(rule.wait);
  const delay = rule === undefined ? 0 : ms(rule.delay);
  return Math.max(LABEL_WAIT_MS_MIN, LABEL_WAIT_ROUNDS * Math.max(delay, ms(versionEvery), labelRefresh(data)));
}

/** In real time a span is over by then, its labels too. */
function closeAfterIdle({ data, monitoring: { allowedLateness } }: Document): number {
  if (data.closeAfterIdle !== undefined) return ms(data.closeAfterIdle);
  return ms(data.versionEvery) + (data.label === undefined ? 0 : ms(data.label.delay)) + ms(allowedLateness);
}

/** A probation ends as soon as a difference is seen; with a hundred rows each it takes so many to see any. */
const PROBATION_VERSIONS = 30;

function probationFor({ data, rollout, monitoring: { allowedLateness } }: Document): number {
  if (rollout.probation.for !== undefined) return ms(rollout.probation.for);
  const delay = data.label === undefined ? 0 : ms(data.label.delay);
  return PROBATION_VERSIONS * ms(data.versionEvery) + delay + ms(allowedLateness);
}

function label(raw: Document): LabelSpec {
  return {
    name: raw.name,
    column: raw.column,
    operation: raw.operation,
    value: (raw.value ?? null) as Scalar,
    delayMs: ms(raw.delay),
  };
}

function model(raw: Document): ModelSpec {
  const { kind, hidden, activation, dropout, l2, crosses } = raw;
  return { kind, hidden: kind === 'logistic' ? [] : hidden, activation, dropout, l2, crosses };
}

function evaluation(raw: Document): EvaluationSpec {
  return {
    ...(raw.from === undefined ? {} : { fromMs: at(raw.from) }),
    share: raw.share,
    confidence: raw.confidence,
    slices: raw.slices,
    thresholds: raw.thresholds,
  };
}

/** The loop remembers so many dataset versions. */
const VERSIONS_KEPT = 256;

/** By age alone the newest ones stay that a retraining takes. */
function datasetRetention(raw: Document, retrain: RetrainSpec): RetentionRules | undefined {
  if (raw.keep === undefined && raw.for === undefined) return undefined;
  return {
    keep: raw.keep ?? versionsTaught(retrain),
    forMs: raw.for === undefined ? 0 : ms(raw.for),
  };
}

function modelRetention(raw: Document): RetentionRules | undefined {
  if (raw.keep === undefined && raw.for === undefined) return undefined;
  return { keep: raw.keep ?? 0, forMs: raw.for === undefined ? 0 : ms(raw.for) };
}

function serving(raw: Document): ServingSpec {
  const online = raw.onlineFeatures;
  if (online === undefined) return {};
  return {
    onlineFeatures: {
      columns: online.columns,
      maxAgeMs: ms(online.maxAge),
      keepMs: ms(online.keep),
      entitiesMax: online.entitiesMax,
      defaults: online.defaults,
    },
  };
}

function monitoring(raw: Document): MonitoringSpec {
  const { alpha, features, ...options } = raw.input;
  return {
    windowMs: ms(raw.window),
    allowedLatenessMs: ms(raw.allowedLateness),
    minRows: raw.minRows,
    referenceRows: raw.referenceRows,
    input: { options, alpha, features: featureMonitoring(features) },
    output: raw.output,
    software: raw.software,
    consecutiveWindows: raw.consecutiveWindows,
    archive: { keepMs: ms(raw.archive.keep), bytesMax: parseSize(raw.archive.sizeMax) ?? 0 },
  };
}

function featureMonitoring(raw: Record<string, Document>): Record<string, FeatureMonitoring> {
  const named = Object.entries(raw);
  return Object.fromEntries(named.map(([name, { ignore, ...options }]) => [name, { ignore, options }]));
}

function replay(raw: Document): ReplaySpec {
  const { history, live } = raw;
  return {
    source: raw.source,
    seed: raw.seed,
    history: {
      fromMs: at(history.from),
      toMs: at(history.to),
      trainToMs: at(history.trainTo),
      rows: history.rows,
      badRows: history.badRows,
    },
    live: {
      fromMs: at(live.from),
      toMs: at(live.to),
      rows: live.rows,
      ratePerSecond: live.ratePerSecond,
      reserveShare: live.reserveShare,
      ...(live.reserveFrom === undefined ? {} : { reserveFromMs: at(live.reserveFrom) }),
    },
    ...(raw.expect === undefined ? {} : { expect: raw.expect }),
    ...(raw.shift === undefined ? {} : { shift: raw.shift }),
  };
}

function banditOf({ start, floor, every, confidence, for: most }: Document = {}): BanditPlan {
  const { everyMs, forMs, ...rest } = DEFAULT_BANDIT;
  return {
    start: start ?? rest.start,
    floor: floor ?? rest.floor,
    confidence: confidence ?? rest.confidence,
    everyMs: every === undefined ? everyMs : ms(every),
    forMs: most === undefined ? forMs : ms(most),
  };
}

function rolloutOf(raw: Document): RolloutSpec {
  const { steps, ...rollout } = raw.rollout;
  const planned = steps?.map(({ weight, for: least, until }: Document): PlannedStep => {
    if (until !== undefined) return { weight };
    return { weight, forMs: least === undefined ? STEP_MS_DEFAULT : ms(least) };
  });
  const analysis = analysisOf(rollout.analysis, raw.data.label !== undefined);
  const probation = { share: rollout.probation.share, forMs: probationFor(raw) };
  return {
    ...{ strategy: rollout.strategy, automatic: rollout.automatic, analysis },
    ...rolloutTerms(rollout, { analysis, probation }),
    ...(planned === undefined ? {} : { steps: planned }),
    ...(rollout.strategy === 'bandit' ? { bandit: banditOf(rollout.bandit) } : {}),
    ...(rollout.matches === undefined ? {} : { matches: rollout.matches }),
    sticky: rollout.sticky && raw.data.entity !== undefined,
    probation,
  };
}

export function buildProject(raw: Document): Project {
  const { name, scope, data, features, training, retrain } = raw;
  const { cooldown, every, approvalExpires, policy, prices, versionsMax, ...retraining } = retrain;
  const retrained = {
    ...(every === undefined ? {} : { everyMs: ms(every) }),
    ...(approvalExpires === undefined ? {} : { approvalExpiresMs: ms(approvalExpires) }),
    ...retraining,
    ...(policy === 'cost' && prices !== undefined
      ? {
          prices,
          versionsMax: versionsMax ?? Math.max(retrain.versions, Math.min(VERSIONS_KEPT, 16 * retrain.versions)),
        }
      : {}),
    onDrift: policy === 'alarm' && retrain.onDrift && data.label !== undefined,
    cooldownMs: ms(cooldown),
  };
  return {
    name,
    scope: { ...scope, problem: scope.problem ?? name },
    data: {
      sources: sources(data),
      recordId: data.recordId,
      entity: data.entity,
      eventTime: data.eventTime,
      columns: data.columns.map(column),
      ...(data.decimal === undefined ? {} : { decimal: data.decimal }),
      label: data.label === undefined ? undefined : label(data.label),
      versionEveryMs: ms(data.versionEvery),
      labelRefreshMs: labelRefresh(data),
      labelWaitMs: labelWait(data),
      closeAfterIdleMs: closeAfterIdle(raw),
      clock: { aheadMs: ms(data.clock.ahead), jumpMs: ms(data.clock.jump) },
    },
    features,
    model: model(raw.model),
    training: { ...training, workers: training.workers ?? scope.resources.workers },
    evaluation: evaluation(raw.evaluation),
    rollout: rolloutOf(raw),
    monitoring: monitoring(raw.monitoring),
    retrain: retrained,
    serving: serving(raw.serving),
    retention: {
      datasets: datasetRetention(raw.retention.datasets, retrained),
      models: modelRetention(raw.retention.models),
    },
    // A document of an earlier release has none.
    notify: { webhooks: (raw.notify?.webhooks ?? []).map(webhook) },
    ...(raw.replay === undefined ? {} : { replay: replay(raw.replay) }),
  };
}

function webhook({ url, events, secret, headers }: Document): WebhookSpec {
  return { url, events, secretEnv: secret.env, headers };
}
