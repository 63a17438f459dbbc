// What the main job writes to summary.json, and the checks that decide its exit code.

import type { LatencySummary } from './latency.js';

export interface ModelVersionSummary {
  version: number;
  workers: number;
  /** On its evaluation range. */
  auc: number;
  log_loss: number;
  evaluation_rows: number;
  /** The version in service at the time, on the same evaluation rows. */
  champion: { version: number; auc: number; log_loss: number } | null;
  blessed: boolean;
  reasons: readonly string[];
  sha256: string;
  train_rows: number;
  train_seconds: number;
  /** Live: rows it answered whose labels are known. */
  live_rows: number;
  live_auc: number | null;
  live_log_loss: number | null;
  live_rows_unshifted: number;
  live_auc_unshifted: number | null;
  live_log_loss_unshifted: number | null;
  /** Scored on the same rows as live_auc_unshifted where there are any, else as live_auc. */
  baselines: { name: string; rows: number; auc: number | null; log_loss: number }[];
  /** Paired bootstrap of AUC(model) - AUC(logistic) on the unshifted rows: lower 95 % bound. */
  auc_gain_lower_95: number | null;
}

export interface SwitchSummary {
  at: string;
  from: number;
  to: number;
  reason: string;
  effective_ms: number;
  failed: number;
}

export interface DriftEventSummary {
  feature: string;
  detector: string;
  window: { start: string; end: string };
  value: number;
  threshold: number;
}

export interface Outage {
  /** Seconds since the first request. */
  from: number;
  to: number;
  failed: number;
}

const OUTAGE_GAP_SECONDS = 1;

/** Groups moments of failure (seconds, ascending) into outages. */
export function outagesOf(failedAtSeconds: readonly number[]): Outage[] {
  const outages: Outage[] = [];
  for (const at of failedAtSeconds) {
    const last = outages.at(-1);
    if (last !== undefined && at - last.to < OUTAGE_GAP_SECONDS) {
      last.to = at;
      last.failed++;
    } else outages.push({ from: at, to: at, failed: 1 });
  }
  return outages;
}

export interface CheckResult {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Summary {
  ok: boolean;
  project: string;
  checks: CheckResult[];
  rows_ingested: number;
  rows_dead_lettered: number;
  dataset_versions: { id: string; kind: string; ordinal: number; rows: number; labelled_rows: number }[];
  model_versions: ModelVersionSummary[];
  requests: number;
  request_failures: number;
  request_errors: string[];
  /** Time of the first live request; outages count from here. */
  traffic_started: string;
  /** Stretches in which requests failed, less than a second apart. */
  outages: Outage[];
  /** From the time a request was due; by phase. */
  latency_ms: Record<string, LatencySummary>;
  /** The sender's own event-loop delay, which latency_ms contains. */
  client_stall_p99_ms: number;
  predictions_dropped: number;
  /** Answered, but without a label joined at the monitor: not logged before a process was killed, or dropped. */
  predictions_lost: number;
  labels_sent: number;
  labels_joined: number;
  windows_closed: number;
  windows_unshifted: number;
  /** Windows without shift in which a watched feature rang. */
  false_alarm_windows: Record<string, number>;
  shift_started: string | null;
  drift_events: DriftEventSummary[];
  switches: SwitchSummary[];
  rollback_ms: number | null;
  /** The retrained version against the one before it, on the same rows. */
  probation: string | null;
  seconds: Record<string, number>;
  settings: Record<string, string | number | boolean>;
  machine: { cores: number; memory_gib: number; node: string; platform: string };
}

export interface CheckBounds {
  badRows: number;
  shift: boolean;
  shiftedFeatures: readonly string[];
  replayRows: number;
  /** Quality bounds hold for the example they were measured on and a replay long enough for them. */
  liveAucMin: number | null;
  liveRowsMin: number;
  labelledOnNewVersion: number;
  /** A small slice (tests) has too few windows for a share. */
  checkFalseAlarms: boolean;
  windowMs: number;
  rows: number;
  /** The version of the first training; the retrained one comes after it. */
  firstVersion: number;
}

const SWITCH_MS_MAX = 500;
/** The prediction log may drop, counted, what Kafka does not take in time; in a run without faults nearly nothing. */
const DROPPED_SHARE_MAX = 0.01;

/** One line per stage's own check. Latency is a figure of the bench, printed but not judged here. */
export function checksOf(summary: Summary, bounds: CheckBounds): CheckResult[] {
  const results: CheckResult[] = [];
  const check = (name: string, ok: boolean, detail: string) => results.push({ name, ok, detail });
  const first = summary.model_versions.find((model) => model.version === bounds.firstVersion);
  const second = summary.model_versions.find((model) => model.version > bounds.firstVersion);

  check(
    'bad rows refused',
    summary.rows_dead_lettered === bounds.badRows,
    `${summary.rows_dead_lettered} of ${bounds.badRows} bad rows are in dead letters`,
  );
  check(
    'rows ingested',
    summary.rows_ingested === bounds.rows + summary.requests,
    `${summary.rows_ingested} rows accepted, ${bounds.rows} in bulk and ${summary.requests} live were sent`,
  );
  check(
    'dataset versioned',
    summary.dataset_versions.some((v) => v.kind === 'import' && v.rows === bounds.rows),
    `${summary.dataset_versions.length} dataset versions`,
  );
  check('version 1 blessed', first?.blessed === true, first?.reasons.join(' ') ?? 'there is no version 1');
  if (first && bounds.liveAucMin !== null) {
    check(
      'version 1 on unshifted live rows',
      (first.live_auc_unshifted ?? 0) >= bounds.liveAucMin && first.live_rows_unshifted >= bounds.liveRowsMin,
      `AUC ${first.live_auc_unshifted} over ${first.live_rows_unshifted} rows, at least ${bounds.liveAucMin} over ${bounds.liveRowsMin}`,
    );
    check(
      'better ranking than logistic',
      (first.auc_gain_lower_95 ?? -1) > 0,
      `lower 95 % bound of the AUC gain: ${first.auc_gain_lower_95}`,
    );
    const worst = first.baselines.filter(
      (baseline) => baseline.log_loss <= (first.live_log_loss_unshifted ?? Number.POSITIVE_INFINITY),
    );
    check(
      'better log loss than both baselines',
      first.baselines.length >= 2 && worst.length === 0,
      first.baselines.map((b) => `${b.name} ${b.log_loss.toFixed(4)}`).join(', '),
    );
  }
  check(
    'no request failed',
    summary.request_failures === 0,
    `${summary.request_failures} of ${summary.requests} requests failed${summary.request_errors.length > 0 ? `: ${summary.request_errors[0]}` : ''}`,
  );
  check('all rows replayed', summary.requests >= bounds.replayRows, `${summary.requests} requests`);
  check(
    'every label joined',
    summary.labels_joined === summary.labels_sent - summary.predictions_dropped &&
      summary.predictions_dropped <= DROPPED_SHARE_MAX * summary.requests,
    `${summary.labels_joined} of ${summary.labels_sent} labels joined, ${summary.predictions_dropped} predictions dropped`,
  );
  check('windows closed', summary.windows_closed > 0, `${summary.windows_closed} windows`);
  if (bounds.checkFalseAlarms) {
    for (const feature of bounds.shiftedFeatures) {
      const rang = summary.false_alarm_windows[feature] ?? 0;
      check(
        `${feature} calm before the shift`,
        rang <= 0.05 * summary.windows_unshifted,
        `rang in ${rang} of ${summary.windows_unshifted} unshifted windows`,
      );
    }
  }
  if (bounds.shift) checkLoop(summary, bounds, second, check);
  return results;
}

function checkLoop(
  summary: Summary,
  bounds: CheckBounds,
  second: ModelVersionSummary | undefined,
  check: (name: string, ok: boolean, detail: string) => void,
): void {
  const shiftedAtMs = summary.shift_started === null ? Number.NaN : Date.parse(summary.shift_started);
  const firstShiftedWindow = Math.floor(shiftedAtMs / bounds.windowMs) * bounds.windowMs;
  const named = summary.drift_events.filter(
    (event) => bounds.shiftedFeatures.includes(event.feature) && Date.parse(event.window.start) >= firstShiftedWindow,
  );
  const inTime = named.filter((event) => Date.parse(event.window.start) < firstShiftedWindow + 2 * bounds.windowMs);
  check(
    'drift seen within two windows',
    inTime.length > 0,
    `${inTime.map((e) => e.feature).join(', ') || 'no event'} named in the first two shifted windows`,
  );
  if (bounds.checkFalseAlarms) {
    const before = summary.drift_events.filter((event) => Date.parse(event.window.start) < firstShiftedWindow);
    // '@' marks what is no input, as the score, which follows the shift. A feature that rang before drifts by itself.
    const blamed = summary.drift_events.filter(
      (event) =>
        Date.parse(event.window.start) >= firstShiftedWindow &&
        !event.feature.startsWith('@') &&
        !bounds.shiftedFeatures.includes(event.feature) &&
        !before.some((earlier) => earlier.feature === event.feature),
    );
    check(
      'no other feature blamed for the shift',
      blamed.length === 0,
      `${blamed.map((event) => event.feature).join(', ') || 'none'} named beside ${bounds.shiftedFeatures.join(', ')}`,
    );
  }
  check(
    'version 2 decided by log loss',
    second !== undefined && second.champion !== null && second.blessed === second.log_loss < second.champion.log_loss,
    second?.reasons.join(' ') ?? 'there is no version 2',
  );
  check(
    'version 2 served',
    (second?.live_rows ?? 0) >= bounds.labelledOnNewVersion,
    `${second?.live_rows ?? 0} labelled rows, at least ${bounds.labelledOnNewVersion}`,
  );
  const forward = `${bounds.firstVersion}→${second?.version}`;
  const backward = `${second?.version}→${bounds.firstVersion}`;
  const moves = summary.switches.map((s) => `${s.from}→${s.to}`);
  check(
    'switch, rollback and undo',
    moves.includes(backward) && moves.filter((move) => move === forward).length >= 2,
    moves.join(', '),
  );
  check(
    'switches without failures',
    summary.switches.every((s) => s.failed === 0),
    `${summary.switches.reduce((sum, s) => sum + s.failed, 0)} failed`,
  );
  const slowest = Math.max(0, ...summary.switches.map((s) => s.effective_ms));
  check(`switches in force within ${SWITCH_MS_MAX} ms`, slowest <= SWITCH_MS_MAX, `slowest ${slowest.toFixed(1)} ms`);
}
