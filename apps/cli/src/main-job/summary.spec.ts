import { describe, expect, it } from '@jest/globals';
import { type CheckBounds, checksOf, outagesOf, type Summary } from './summary.js';

const model = (version: number, over: Partial<Summary['model_versions'][number]> = {}) => ({
  version,
  workers: 2,
  auc: 0.67,
  log_loss: 0.5,
  evaluation_rows: 10,
  champion: version === 1 ? null : { version: 1, auc: 0.6, log_loss: 0.6 },
  blessed: true,
  reasons: ['better'],
  sha256: 'x',
  train_rows: 1,
  train_seconds: 1,
  live_rows: 6_000,
  live_auc: 0.66,
  live_log_loss: 0.5,
  live_rows_unshifted: 40_000,
  live_auc_unshifted: 0.66,
  live_log_loss_unshifted: 0.5,
  baselines: [
    { name: 'majority', rows: 10, auc: 0.5, log_loss: 0.55 },
    { name: 'logistic', rows: 10, auc: 0.64, log_loss: 0.52 },
  ],
  auc_gain_lower_95: 0.01,
  ...over,
});

const DAY = 86_400_000;
const event = (feature: string, startMs: number) => ({
  feature,
  detector: 'psi',
  window: { start: new Date(startMs).toISOString(), end: new Date(startMs + 3 * DAY).toISOString() },
  value: 1,
  threshold: 0.2,
});
const move = (from: number, to: number) => ({ at: '2001', from, to, reason: '', effective_ms: 5, failed: 0 });

const good: Omit<Summary, 'ok' | 'checks'> = {
  project: 'p',
  rows_ingested: 1_100,
  rows_dead_lettered: 25,
  dataset_versions: [{ id: 'a', kind: 'import', ordinal: 1, rows: 1_000, labelled_rows: 1_000 }],
  model_versions: [model(1), model(2)],
  requests: 100,
  request_failures: 0,
  request_errors: [],
  traffic_started: '2026-01-01T00:00:00.000Z',
  outages: [],
  latency_ms: {},
  client_stall_p99_ms: 1,
  predictions_dropped: 0,
  predictions_lost: 0,
  labels_sent: 100,
  labels_joined: 100,
  windows_closed: 40,
  windows_unshifted: 25,
  false_alarm_windows: { hour: 1 },
  shift_started: new Date(31 * DAY).toISOString(),
  drift_events: [event('hour', 30 * DAY)],
  switches: [move(0, 1), move(1, 2), move(2, 1), move(1, 2)],
  rollback_ms: 5,
  probation: null,
  seconds: {},
  settings: {},
  machine: { cores: 2, memory_gib: 24, node: 'v22', platform: 'linux-x64' },
};

const bounds: CheckBounds = {
  badRows: 25,
  shift: true,
  shiftedFeatures: ['hour', 'distance'],
  replayRows: 100,
  liveAucMin: 0.655,
  liveRowsMin: 30_000,
  labelledOnNewVersion: 5_000,
  checkFalseAlarms: true,
  windowMs: 3 * DAY,
  rows: 1_000,
  firstVersion: 1,
};

const failing = (over: Partial<Summary>) =>
  checksOf({ ok: false, checks: [], ...good, ...over }, bounds)
    .filter((check) => !check.ok)
    .map((check) => check.name);

describe('checksOf', () => {
  it('passes a run that met everything', () => {
    expect(failing({})).toEqual([]);
  });

  it.each<[string, Partial<Summary>]>([
    ['bad rows refused', { rows_dead_lettered: 24 }],
    ['version 1 blessed', { model_versions: [model(1, { blessed: false }), model(2)] }],
    ['version 1 on unshifted live rows', { model_versions: [model(1, { live_auc_unshifted: 0.654 }), model(2)] }],
    ['version 1 on unshifted live rows', { model_versions: [model(1, { live_rows_unshifted: 29_999 }), model(2)] }],
    ['better ranking than logistic', { model_versions: [model(1, { auc_gain_lower_95: 0 }), model(2)] }],
    [
      'better log loss than both baselines',
      { model_versions: [model(1, { live_log_loss_unshifted: 0.53 }), model(2)] },
    ],
    ['no request failed', { request_failures: 1 }],
    ['all rows replayed', { requests: 99 }],
    ['every label joined', { labels_joined: 99 }],
    ['every label joined', { labels_joined: 90, predictions_dropped: 10 }],
    ['rows ingested', { rows_ingested: 1_099 }],
    [
      'dataset versioned',
      { dataset_versions: [{ id: 'a', kind: 'import', ordinal: 1, rows: 999, labelled_rows: 999 }] },
    ],
    ['no other feature blamed for the shift', { drift_events: [event('hour', 30 * DAY), event('origin', 33 * DAY)] }],
    ['hour calm before the shift', { false_alarm_windows: { hour: 2 } }],
    ['drift seen within two windows', { drift_events: [event('hour', 36 * DAY)] }],
    ['drift seen within two windows', { drift_events: [event('origin', 30 * DAY)] }],
    ['drift seen within two windows', { drift_events: [event('hour', 27 * DAY)] }],
    ['version 2 decided by log loss', { model_versions: [model(1), model(2, { blessed: false })] }],
    ['version 2 served', { model_versions: [model(1), model(2, { live_rows: 4_999 })] }],
    ['switch, rollback and undo', { switches: [move(0, 1), move(1, 2)] }],
    ['switches without failures', { switches: [...good.switches, { ...move(1, 2), failed: 1 }] }],
    ['switches in force within 500 ms', { switches: [...good.switches, { ...move(1, 2), effective_ms: 501 }] }],
  ])('fails "%s"', (name, over) => {
    expect(failing(over)).toContain(name);
  });
});

it('a feature that rang before the shift is not blamed on it', () => {
  const events = [
    event('origin', 3 * DAY),
    event('hour', 30 * DAY),
    event('origin', 33 * DAY),
    event('@score', 33 * DAY),
  ];
  expect(failing({ drift_events: events })).toEqual([]);
});

describe('outagesOf', () => {
  it('joins failures less than a second apart', () => {
    expect(outagesOf([1, 1.5, 2.4, 9])).toEqual([
      { from: 1, to: 2.4, failed: 3 },
      { from: 9, to: 9, failed: 1 },
    ]);
    expect(outagesOf([])).toEqual([]);
  });
});
