// Gathers the main job's summary: what the services report, and the quality of each version computed from the answers
// themselves.

import { cpus, totalmem } from 'node:os';
import { differenceOf, evaluate, metricIn, metricNamed, type ScoredRows } from '@millrace/evaluation';
import { isMissing, type RawColumns } from '@millrace/features';
import { logisticBaselineOf, scoreLogistic, scoreMajority } from '@millrace/models';
import { applyLabelRule, deriveColumns, type Project } from '@millrace/project';
import type { ControlClient, RegisteredVersion, WindowView } from '../client/control.http.js';
import type { MainJobResult } from './main-job.js';
import type { ReplayRows } from './replay-rows.duckdb.js';
import { applyShift } from './shift.js';
import { type ModelVersionSummary, outagesOf, type Summary } from './summary.js';

const AUC = metricNamed('auc');
const LOG_LOSS = metricNamed('log_loss');
/** Replicates of the bootstrap: the 2.5 % quantile of 400 rests on ten of them. */

export interface SummaryInput {
  project: Project;
  result: MainJobResult;
  /** As they were sent. */
  rows: ReplayRows;
  control: ControlClient;
  seconds: Record<string, number>;
  settings: Record<string, string | number | boolean>;
  seed: number;
}

export async function buildSummary(input: SummaryInput): Promise<Omit<Summary, 'ok' | 'checks'>> {
  const { control, project, result } = input;
  const { traffic } = result;
  const [datasets, models, windows, events, switches, serving, joined, deadLetters] = await Promise.all([
    control.datasets(project.name),
    control.models(project.name),
    control.windows(project.name),
    control.driftEvents(project.name),
    control.switches(project.name),
    control.servingStats(),
    control.labelsJoined(project.name),
    control.deadLetters(project.name, 1),
  ]);
  const iso = (ms: number) => new Date(ms).toISOString();
  const shiftStartedMs = result.shiftFrom < input.rows.length ? input.rows.at(result.shiftFrom).eventTimeMs : null;
  const unshifted = windows.filter((window) => shiftStartedMs === null || window.endMs <= shiftStartedMs);
  const modelSummaries: ModelVersionSummary[] = [];
  for (const model of [...models].sort((a, b) => a.version - b.version)) {
    modelSummaries.push(await modelSummary(model, input));
  }
  return {
    project: project.name,
    rows_ingested: result.importedRows + traffic.recordsAccepted,
    rows_dead_lettered: deadLetters.total,
    dataset_versions: datasets.map((d) => ({
      id: d.id,
      kind: d.kind,
      ordinal: d.ordinal,
      rows: d.rows,
      labelled_rows: d.labelledRows,
    })),
    model_versions: modelSummaries,
    requests: traffic.requests,
    request_failures: traffic.failures,
    request_errors: traffic.errors,
    traffic_started: iso(traffic.startedAtMs),
    outages: outagesOf(traffic.failedAtSeconds),
    latency_ms: traffic.latencies,
    client_stall_p99_ms: Math.round(traffic.clientStallP99Ms * 1_000) / 1_000,
    predictions_dropped: serving.dropped,
    predictions_lost: Math.max(0, traffic.requests - traffic.failures - joined.labelsJoined),
    labels_sent: traffic.labelsSent,
    labels_joined: joined.labelsJoined,
    windows_closed: windows.length,
    windows_unshifted: unshifted.length,
    false_alarm_windows: countRinging(unshifted),
    shift_started: shiftStartedMs === null ? null : iso(shiftStartedMs),
    drift_events: events
      .map((data) => ({
        feature: data.feature,
        detector: data.detector,
        window: { start: iso(data.window.startMs), end: iso(data.window.endMs) },
        value: data.value,
        threshold: data.threshold,
      }))
      .sort((a, b) => a.window.start.localeCompare(b.window.start) || a.feature.localeCompare(b.feature)),
    switches: switches
      .map((s) => ({
        at: iso(s.atMs),
        from: s.fromVersion,
        to: s.toVersion,
        reason: s.reason,
        effective_ms: s.effectiveMs,
        failed: s.failed,
      }))
      .sort((a, b) => a.at.localeCompare(b.at)),
    rollback_ms: result.rollbackMs,
    probation: result.probation,
    seconds: input.seconds,
    settings: input.settings,
    machine: {
      cores: cpus().length,
      memory_gib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    },
  };
}

/** Windows in which each feature rang, whatever the detector or cohort. */
function countRinging(windows: readonly WindowView[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { cohorts } of windows) {
    const rang = new Set(
      cohorts.flatMap(({ tests }) => tests.filter((test) => test.alarm).map((test) => test.feature)),
    );
    for (const feature of rang) counts[feature] = (counts[feature] ?? 0) + 1;
  }
  return counts;
}

interface LiveRows {
  probabilities: Float64Array;
  labels: Uint8Array;
  columns: RawColumns;
}

/** The rows a version answered, their labels, and the raw feature values it saw. */
function liveRowsOf(version: number, { project, result, rows }: SummaryInput, unshiftedOnly: boolean): LiveRows {
  const { traffic, shiftFrom } = result;
  const operations = project.replay?.shift?.operations ?? [];
  const probabilities: number[] = [];
  const labels: number[] = [];
  const columns: Record<string, (number | string | boolean | null)[]> = {};
  for (const feature of project.features) columns[feature.name] = [];
  const end = unshiftedOnly ? Math.min(traffic.sent, shiftFrom) : traffic.sent;
  for (let i = 0; i < end; i++) {
    if (traffic.versions[i] !== version) continue;
    const row = rows.at(i);
    const label = applyLabelRule(project.data.label, row.outcome);
    if (label === null) continue;
    const values = deriveColumns(project, row.values);
    if (i >= shiftFrom) applyShift(values, operations);
    probabilities.push(traffic.probabilities[i] as number);
    labels.push(label);
    for (const feature of project.features) {
      const value = values[feature.name];
      columns[feature.name]?.push(value === undefined || isMissing(value) ? null : value);
    }
  }
  return { probabilities: Float64Array.from(probabilities), labels: Uint8Array.from(labels), columns };
}

async function modelSummary(model: RegisteredVersion, input: SummaryInput): Promise<ModelVersionSummary> {
  const live = liveRowsOf(model.version, input, false);
  const calm = liveRowsOf(model.version, input, true);
  // Exact, from the answers themselves; the monitor's own figures are checked against it.
  const quality = evaluate('binary', scored(live));
  const calmQuality = evaluate('binary', scored(calm));
  const compared = calm.labels.length > 0 ? calm : live;
  const baseline = await input.control
    .artifact<unknown>(input.project.name, model.version, 'baselines/logistic.json')
    .then(logisticBaselineOf)
    .catch(() => null);
  const baselines: ModelVersionSummary['baselines'] = [];
  let gain: number | null = null;
  if (baseline !== null && compared.labels.length > 0) {
    const logistic = scoreLogistic(baseline, compared.columns);
    const majority = scoreMajority(baseline, compared.labels.length);
    for (const [name, probabilities] of [
      ['majority', majority],
      ['logistic', logistic],
    ] as const) {
      const evaluation = evaluate('binary', { scores: probabilities, labels: compared.labels });
      baselines.push({
        name,
        rows: evaluation.rows,
        auc: rounded(metricIn(evaluation, AUC)),
        log_loss: rounded(metricIn(evaluation, LOG_LOSS)) ?? Number.NaN,
      });
    }
    const pair = { labels: compared.labels, first: compared.probabilities, second: logistic };
    gain = differenceOf(AUC, pair, 0.95).lower;
  }
  return {
    version: model.version,
    workers: model.workers,
    auc: rounded(metricIn(model.evaluation, AUC)) ?? Number.NaN,
    log_loss: rounded(metricIn(model.evaluation, LOG_LOSS)) ?? Number.NaN,
    evaluation_rows: model.evaluation?.rows ?? 0,
    champion: model.championEvaluation
      ? {
          version: model.championVersion,
          auc: metricIn(model.championEvaluation, AUC),
          log_loss: metricIn(model.championEvaluation, LOG_LOSS),
        }
      : null,
    blessed: model.blessed,
    reasons: model.reasons,
    sha256: model.modelSha256,
    train_rows: model.trainRows,
    train_seconds: Math.round(model.trainSeconds * 100) / 100,
    live_rows: quality.rows,
    live_auc: rounded(metricIn(quality, AUC)),
    live_log_loss: rounded(metricIn(quality, LOG_LOSS)),
    live_rows_unshifted: calmQuality.rows,
    live_auc_unshifted: rounded(metricIn(calmQuality, AUC)),
    live_log_loss_unshifted: rounded(metricIn(calmQuality, LOG_LOSS)),
    baselines,
    auc_gain_lower_95: rounded(gain),
  };
}

function scored({ probabilities, labels }: LiveRows): ScoredRows {
  return { labels, scores: probabilities };
}

function rounded(value: number | null): number | null {
  return value === null || Number.isNaN(value) ? null : Math.round(value * 1e6) / 1e6;
}
