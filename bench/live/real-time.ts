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
const CLOSED_WITHIN_MS = 180_000;
/** A buffer is written after some seconds at the latest; labels come long after. */
const ON_DISK_WITHIN_MS = 30_000;
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

type Memory = MemoryLog<'ingest' | 'monitor'>;

function memoryOutcomes(memory: Memory, title: string): Outcome[] {
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

async function closed({ bench, found }: LiveScene): Promise<boolean> {
  try {
    await found.closeLast();
  } catch (error) {
    // Not within the minute that a request waits for the owner: it goes on, and is asked again.
    bench.say(`    ${(error as Error).message}`);
    return false;
  }
  const { openRows = 0, openLabels = 0 } = await found.statistics();
  return openRows + openLabels === 0;
}

interface LiveScene {
  bench: LiveBench;
  run: LiveRun;
  title: string;
  platform: BenchPlatform;
  load: LiveLoad;
  found: Found;
}

async function onPlatform(
  bench: LiveBench,
  run: LiveRun,
  title: string,
  play: (scene: LiveScene) => Promise<Outcome[]>,
): Promise<Outcome[]> {
  const platform = await served(bench, run);
  const load = loadOf(platform, run);
  try {
    return await play({ bench, run, title, platform, load, found: new Found(platform) });
  } catch (error) {
    for (const name of ['ingest', 'monitor']) bench.say(`--- ${name}\n${platform.log(name)}`);
    throw error;
  } finally {
    load.close();
    await platform.stop();
  }
}

/** Every row in one version with its label, every label joined, nothing late, memory flat. */
export function steady(bench: LiveBench, run: LiveRun, title: string): Promise<Outcome[]> {
  return onPlatform(bench, run, title, (scene) => everyRow(scene));
}

/** From the first shifted row to the drift event, as somebody sees it who keeps asking the monitor. */
export function driftLatency(bench: LiveBench, run: LiveRun, title: string): Promise<Outcome[]> {
  return onPlatform(bench, run, title, (scene) => {
    scene.load.start();
    return shifted(scene);
  });
}

/** Both in one run: the rows shift, and every one of them is found. */
export function steadyAndShifted(bench: LiveBench, run: LiveRun, title: string): Promise<Outcome[]> {
  return onPlatform(bench, run, title, (scene) => everyRow(scene, shifted));
}

/** The run's seconds of traffic, with a line of what has come of it every half minute. */
async function watched({ bench, run, load, found }: LiveScene, memory: Memory): Promise<void> {
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
}

/** While labels are to come: rows wait for them in segments. */
async function openOnDisk({ title, found }: LiveScene): Promise<Outcome> {
  let open = { records: 0, onDisk: 0 };
  const isOnDisk = async () => {
    open = await found.open();
    return open.records > 0 && open.onDisk === open.records;
  };
  const met = await eventually('open rows are on the disk', isOnDisk, ON_DISK_WITHIN_MS).catch(() => false);
  return {
    figure: `${title}: rows that wait for labels are in segments, not in memory`,
    target: 'all',
    measured: `${open.onDisk} of ${open.records}`,
    met,
    rounds: {},
  };
}

/** `meanwhile` runs beside the traffic, which goes on until it has ended. */
async function everyRow(
  scene: LiveScene,
  meanwhile: (scene: LiveScene) => Promise<Outcome[]> = async () => [],
): Promise<Outcome[]> {
  const { run, title, platform, load } = scene;
  const memory: Memory = new MemoryLog(
    { ingest: 'services/ingest/src/main.js', monitor: 'services/monitor/src/main.js' },
    platform.home,
  );
  load.start();
  memory.start();
  const [beside] = await Promise.all([meanwhile(scene), watched(scene, memory)]);
  memory.stop();
  const [onDisk] = await Promise.all([openOnDisk(scene), load.finish()]);
  const outcomes = [...(await inTheEnd(scene)), onDisk, ...beside];
  return [...outcomes, ...(run.timed ? memoryOutcomes(memory, title) : [])];
}

async function inTheEnd(scene: LiveScene): Promise<Outcome[]> {
  const { bench, title, load, found } = scene;
  const { sent } = load;
  // The watermark stands still when nothing more comes; every span but the last ones has closed by itself.
  const closedByItself = (await found.liveVersions()).current.length;
  await eventually('every span is closed', () => closed(scene), CLOSED_WITHIN_MS);
  const stored = await found.stored();
  const isJoined = async () => ((await found.joined()).counters.labelsJoined ?? 0) >= load.answered;
  await eventually('every label is joined', isJoined, CLOSED_WITHIN_MS).catch(() => undefined);
  const { counters } = await found.joined();
  const { p50Ms, p99Ms } = load.latency.summary();
  const whole = stored.rows === sent && stored.distinct === sent && stored.labelled === sent;
  const clean = stored.late === 0 && stored.repeated === 0 && load.refused.length === 0 && stored.children === 0;
  for (const line of [...load.errors, ...load.refused]) bench.say(`    ${line}`);
  return [
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
}

async function shifted({ run, title, load, found }: LiveScene): Promise<Outcome[]> {
  const windowMs = run.windowS * 1_000;
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
}
