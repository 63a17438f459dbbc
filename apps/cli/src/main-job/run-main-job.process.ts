// Runs the main job against a running platform, shows its stages and returns the summary.

import { writeFileSync } from 'node:fs';
import { type Clock, systemClock } from '@millrace/domain';
import type { ReplaySpec } from '@millrace/project';
import type { Addresses } from '../client/addresses.js';
import type { ControlClient } from '../client/control.http.js';
import { uploadText } from '../ingest/upload.fs.js';
import { applyText, type LoadedProject, openSources, sourcePath } from '../project-file.fs.js';
import type { Stages } from '../terminal/stage.js';
import { buildSummary } from './build-summary.process.js';
import { MainJob } from './main-job.js';
import { type ReplayRows, readReplayRows, replayRanges } from './replay-rows.duckdb.js';
import { type CheckBounds, checksOf, type Summary } from './summary.js';
import { TrafficProcess } from './traffic.process.js';
import type { TrafficResult } from './traffic-messages.js';
import { pause, type Waiting } from './waiting.js';

export interface RunMainJobOptions {
  loaded: LoadedProject;
  replay: ReplaySpec;
  rows: number;
  replayRows: number;
  ratePerSecond: number;
  shift: boolean;
  addresses: Addresses;
  control: ControlClient;
  home: string;
  reporter: Stages;
  signal: AbortSignal;
  /** Labelled rows that version 2 must have served; default 5,000, less for a short replay. */
  labelledOnNewVersion?: number;
  /** Writes every sent row with its answer as CSV here. */
  answersFile?: string;
  clock?: Clock;
}

const LABELLED_ON_NEW_VERSION = 5_000;
/** Below this many replayed rows there are too few windows and rows for the quality bounds. */
const FULL_REPLAY_ROWS = 60_000;
const FULL_BULK_ROWS = 200_000;
/**
 * No further label joined for this long: those that are missing do not come. After an outage the monitor may stand
 * still until the broker ends a transaction that was on its way (10 s and up to 10 s more), and joins its group twice.
 */
const LABELS_SILENT_MS_MAX = 45_000;
const LABELS_POLL_MS = 200;

export async function runMainJob(options: RunMainJobOptions): Promise<Summary> {
  const { loaded, replay, control, reporter, shift } = options;
  const { project } = loaded;
  const clock = options.clock ?? systemClock;
  const startedMs = clock.monotonicMs();
  await openSources(options.home, loaded);
  const source = sourcePath(loaded, replay.source);
  const labelledOnNewVersion =
    options.labelledOnNewVersion ?? Math.min(LABELLED_ON_NEW_VERSION, Math.round(options.replayRows / 10));
  const job = new MainJob({
    project,
    replay,
    projectText: applyText(loaded),
    rows: options.rows,
    replayRows: options.replayRows,
    ratePerSecond: options.ratePerSecond,
    shift,
    labelledOnNewVersion,
    control,
    sampleRow: async () => (await readReplayRows(project, replay.seed, source, replayRanges(replay, 1, 0))).at(0),
    startTraffic: ({ reserveRows, reserve, shiftFrom, traceEvery }) =>
      new TrafficProcess({
        document: loaded.document,
        sourceFile: source,
        ranges: replayRanges(replay, options.replayRows, reserveRows),
        seed: replay.seed,
        ratePerSecond: options.ratePerSecond,
        shiftFrom,
        operations: (shift && replay.shift?.operations) || [],
        addresses: options.addresses,
        traceEvery,
        reserve,
      }),
    upload: (rows) =>
      uploadText(control, project.name, 'bad-rows.ndjson', rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
    reporter,
    clock,
    signal: options.signal,
  });
  const result = await job.run();
  const stage = reporter.stage('summary', 'waiting for the last labels, scoring');
  await settled(control, project.name, result.traffic.labelsSent, { clock, signal: options.signal });
  const rows = await readReplayRows(
    project,
    replay.seed,
    source,
    replayRanges(replay, options.replayRows, result.reserveRows),
  );
  if (options.answersFile !== undefined) writeFileSync(options.answersFile, answersCsv(rows, result.traffic));
  // What was asked for, not what came: rows that are lost must fail a check, not switch checks off.
  const rowsAsked = Number.isFinite(options.rows) ? options.rows : result.importedRows;
  const full = options.replayRows >= FULL_REPLAY_ROWS && rowsAsked >= FULL_BULK_ROWS;
  const facts = await buildSummary({
    project,
    result,
    rows,
    control,
    seconds: { ...reporter.seconds, main_job: (clock.monotonicMs() - startedMs) / 1_000 },
    settings: {
      rows: result.importedRows,
      replay_rows: options.replayRows,
      rate_per_second: options.ratePerSecond,
      shift,
      seed: replay.seed,
    },
    seed: replay.seed,
  });
  const bounds: CheckBounds = {
    badRows: replay.history.badRows,
    shift,
    shiftedFeatures: replay.shift?.operations.map((operation) => operation.feature) ?? [],
    replayRows: options.replayRows,
    liveAucMin: full ? (replay.expect?.liveAuc ?? null) : null,
    liveRowsMin: replay.expect?.liveRows ?? 0,
    labelledOnNewVersion,
    checkFalseAlarms: full,
    windowMs: project.monitoring.windowMs,
    rows: rowsAsked,
    firstVersion: result.firstVersion,
  };
  const draft: Summary = { ok: false, checks: [], ...facts };
  const checks = checksOf(draft, bounds);
  const summary: Summary = { ...draft, ok: checks.every((check) => check.ok), checks };
  stage.done(`${checks.filter((check) => check.ok).length} of ${checks.length} checks met`);
  for (const check of checks) reporter.line(`  ${check.ok ? '✔' : '✘'} ${check.name}: ${check.detail}`);
  for (const [phase, latency] of Object.entries(summary.latency_ms)) {
    reporter.line(
      `  ${phase.padEnd(8)} p50 ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms over ${latency.count} requests`,
    );
  }
  return summary;
}

/**
 * Waits until the monitor has joined every label that was sent, or joins none any more: the checks then say what is
 * missing.
 */
async function settled(control: ControlClient, project: string, labels: number, waiting: Waiting): Promise<void> {
  let joined = 0;
  for (let grewMs = waiting.clock.monotonicMs(); waiting.clock.monotonicMs() - grewMs < LABELS_SILENT_MS_MAX; ) {
    const { labelsJoined } = await control.labelsJoined(project).catch(() => ({ labelsJoined: joined }));
    if (labelsJoined >= labels) return;
    if (labelsJoined > joined) grewMs = waiting.clock.monotonicMs();
    joined = labelsJoined;
    await pause(LABELS_POLL_MS, waiting.signal);
  }
}

/** One line per sent row: version 0 means that the request failed. */
function answersCsv(rows: ReplayRows, traffic: TrafficResult): string {
  const lines = ['record_id,event_time_ms,model_version,probability'];
  for (let i = 0; i < traffic.sent; i++) {
    const row = rows.at(i);
    const probability = traffic.probabilities[i] as number;
    const shown = Number.isNaN(probability) ? '' : probability;
    lines.push(`${row.recordId},${row.eventTimeMs},${traffic.versions[i]},${shown}`);
  }
  return `${lines.join('\n')}\n`;
}
