// Records, predictions and labels in real time, through every process of a platform that was brought up for it: nothing
// is squeezed, no clock is set. The rows are checked one by one in the end, so a figure of memory or time never hides
// that something was lost.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@millrace/domain';
import { eventually } from '@millrace/testing';
import { type BenchPlatform, bringUp } from '../platform.process.js';
import type { Outcome } from '../serving/row.js';
import { type DriftEvent, Found } from './found.js';
import { LiveLoad } from './live-load.js';
import { MemoryLog } from './memory-log.process.js';
import type { LiveBench } from './row.js';
import { historyCsv, type LiveTimes, PROJECT, projectText } from './sensors.js';

const HISTORY_ROWS = 5_000;
const SERVED_WITHIN_MS = 180_000;
const CLOSED_WITHIN_MS = 120_000;
/** By which every temperature rises where a shift is wanted: their range is 40. */
const WARMER = 20;
const RSS_MIB_MAX = 400;
const RSS_GROWTH_MAX = 1.05;

export interface LiveRun extends LiveTimes {
  seconds: number;
  ratePerSecond: number;
  /** Whether memory and times are judged: a run of seconds is all start, beside whatever the tests do. */
  timed: boolean;
}

/** A platform that serves a model of the sensors. */
async function served(bench: LiveBench, times: LiveTimes): Promise<BenchPlatform> {
  const platform = await bringUp(bench.root, 1);
  try {
    const millrace = async (...args: string[]) => {
      const command = [join(bench.root, 'dist/apps/cli/src/main.js'), ...args];
      const { stdout } = await promisify(execFile)(process.execPath, command, {
        cwd: platform.home,
        env: platform.env,
      });
      return stdout;
    };
    writeFileSync(join(platform.home, 'project.yaml'), projectText(times));
    writeFileSync(join(platform.home, 'history.csv'), historyCsv(HISTORY_ROWS, systemClock.nowMs() - 86_400_000));
    await millrace('ingest', PROJECT, '--file', 'history.csv');
    await millrace('train', PROJECT);
    const row = JSON.stringify({ temperature: 60, vibration: 5, mode: 'cruise' });
    await eventually(
      'the model answers',
      () => millrace('predict', PROJECT, '--row', row).catch(() => ''),
      SERVED_WITHIN_MS,
    );
    return platform;
  } catch (error) {
    await platform.stop();
    throw error;
  }
}

function loadOf(platform: BenchPlatform, { ratePerSecond, labelDelayS }: LiveRun): LiveLoad {
  const at = (name: 'ROUTER_GRPC' | 'INGEST_GRPC') => `127.0.0.1:${platform.port(name)}`;
  return new LiveLoad({
    run: systemClock.nowMs().toString(36),
    routerGrpc: at('ROUTER_GRPC'),
    ingestGrpc: at('INGEST_GRPC'),
    ratePerSecond,
    labelDelayMs: labelDelayS * 1_000,
  });
}

const pause = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms));

function memoryOutcomes(memory: MemoryLog<'ingest' | 'monitor'>, title: string): Outcome[] {
  return (['ingest', 'monitor'] as const).map((service) => {
    const { thirds, maxMib, samples } = memory.summary(service);
    const growth = thirds[2] / thirds[1];
    return {
      figure: `${title}: RSS of ${service}, last third : middle third; at most`,
      target: `≤ ${RSS_GROWTH_MAX} ×, ≤ ${RSS_MIB_MAX} MiB`,
      measured: `${thirds[2].toFixed(0)} : ${thirds[1].toFixed(0)} MiB; ${maxMib.toFixed(0)} MiB`,
      ratio: growth,
      met: growth <= RSS_GROWTH_MAX && maxMib <= RSS_MIB_MAX,
      rounds: { 'MiB, every 5 s': samples },
    };
  });
}

async function closed(found: Found): Promise<boolean> {
  await found.closeLast();
  const { openRows = 0, openLabels = 0 } = await found.statistics();
  return openRows + openLabels === 0;
}

/** Every row in one version with its label, every label joined, nothing late, memory flat. */
export async function steady(bench: LiveBench, run: LiveRun, title: string): Promise<Outcome[]> {
  const platform = await served(bench, run);
  const load = loadOf(platform, run);
  try {
    const found = new Found(platform);
    const memory = new MemoryLog(
      { ingest: 'services/ingest/src/main.js', monitor: 'services/monitor/src/main.js' },
      platform.home,
    );
    load.start();
    memory.start();
    const endAt = systemClock.monotonicMs() + run.seconds * 1_000;
    while (systemClock.monotonicMs() < endAt) {
      await pause(Math.min(30_000, endAt - systemClock.monotonicMs()));
      const { rssMib: ingest } = memory.newest('ingest');
      const { rssMib: monitor } = memory.newest('monitor');
      const { labelsJoined } = (await found.joined()).counters;
      bench.say(
        `    ${load.sent} rows, ${load.answered} answered, ${load.failed} failed, ${load.labelled} labelled, ` +
          `${labelsJoined} joined; ingest ${ingest.toFixed(0)} MiB, monitor ${monitor.toFixed(0)} MiB`,
      );
    }
    memory.stop();
    await load.finish();
    const { sent } = load;
    // The watermark stands still when nothing more comes; every span but the last ones has closed by itself.
    const closedByItself = (await found.liveVersions()).current.length;
    await eventually('every span is closed', () => closed(found), CLOSED_WITHIN_MS);
    const stored = await found.stored();
    const isJoined = async () => ((await found.joined()).counters.labelsJoined ?? 0) >= load.answered;
    await eventually('every label is joined', isJoined, CLOSED_WITHIN_MS).catch(() => undefined);
    const { counters } = await found.joined();
    const { p50Ms, p99Ms } = load.latency.summary();
    const whole = stored.rows === sent && stored.distinct === sent && stored.labelled === sent;
    const clean = stored.late === 0 && stored.repeated === 0 && load.refused.length === 0 && stored.children === 0;
    for (const line of [...load.errors, ...load.refused]) bench.say(`    ${line}`);
    const outcomes: Outcome[] = [
      {
        figure: `${title}: rows in one version with their label`,
        target: `${sent}, 0 late`,
        measured:
          `${stored.rows} rows (${stored.distinct} ids, ${stored.labelled} labelled, ${stored.late} late) in ` +
          `${stored.versions} versions, ${closedByItself} of which closed in the run`,
        met: whole && clean,
        rounds: {},
      },
      {
        figure: `${title}: labels joined to their prediction`,
        target: `${sent}`,
        measured: `${counters.labelsJoined} of ${load.labelsAcknowledged}, ${counters.unmatchedLabels} unmatched`,
        met: counters.labelsJoined === sent && load.labelsAcknowledged === sent,
        rounds: {},
      },
      {
        figure: `${title}: predictions answered`,
        target: `${sent}`,
        measured: `${load.answered}, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
        met: load.answered === sent,
        rounds: {},
      },
    ];
    return [...outcomes, ...(run.timed ? memoryOutcomes(memory, title) : [])];
  } finally {
    load.close();
    await platform.stop();
  }
}

/** From the first shifted row to the drift event, as somebody sees it who keeps asking the monitor. */
export async function driftLatency(bench: LiveBench, run: LiveRun, title: string): Promise<Outcome[]> {
  const platform = await served(bench, run);
  const load = loadOf(platform, run);
  try {
    const found = new Found(platform);
    const windowMs = run.windowS * 1_000;
    load.start();
    // Two whole windows without a shift; then the shift begins within a window, as it comes.
    const calmUntilMs = Math.ceil(load.startedAtMs / windowMs + 2) * windowMs + windowMs / 5;
    await pause(calmUntilMs - systemClock.nowMs());
    const early = await found.driftEvents();
    load.shift(WARMER);
    const shiftedAtMs = load.shiftedAtMs ?? Number.NaN;
    const isOfShift = ({ feature, window }: DriftEvent) => feature === 'temperature' && window.endMs > shiftedAtMs;
    const drift = await eventually(
      'a drift event of temperature',
      async () => (await found.driftEvents()).find(isOfShift),
      4 * windowMs + CLOSED_WITHIN_MS,
    );
    const seconds = (systemClock.nowMs() - shiftedAtMs) / 1_000;
    const bound = run.windowS + run.latenessS + 2;
    const afterEndS = seconds - (drift.window.endMs - shiftedAtMs) / 1_000;
    return [
      {
        figure: `${title}: first shifted row to drift event`,
        target: run.timed ? `≤ ${bound} s` : 'one',
        measured: `${seconds.toFixed(1)} s, ${afterEndS.toFixed(1)} s after the window's end; ${early.length} events before`,
        met: (seconds <= bound || !run.timed) && early.length === 0,
        rounds: {},
      },
    ];
  } finally {
    load.close();
    await platform.stop();
  }
}
