// 3,000,000 flights in one import: read, checked, written as a dataset version and announced; beside it what DuckDB
// alone takes on one thread. Memory is ingest's peak, by the kernel.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '@millrace/domain';
import { median, type Outcome } from '../serving/row.js';
import { PROJECT } from './flights.js';
import { type Ingest, stateOf } from './ingest.process.js';

const RATIO_MAX = 3;
const RSS_MIB_MAX = 600;
const POLL_MS = 50;

export interface ImportState {
  state: string;
  message?: string;
  accepted: number;
  rejected: number;
  datasetVersion: string | null;
}

/** `chosen`: all rows but for what it says. Another seed is another import, also where all rows are taken. */
export async function importOf(ingest: Ingest, chosen: object): Promise<ImportState> {
  const { importId } = (await ingest.ask(`/v1/projects/${PROJECT}/imports`, { source: 'history', ...chosen })) as {
    importId: string;
  };
  for (;;) {
    const import_ = (await ingest.ask(`/v1/projects/${PROJECT}/imports/${importId}`)) as ImportState;
    if (import_.state === 'failed') throw new Error(`the import failed: ${import_.message}`);
    if (import_.state === 'done') return import_;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** Seconds from the request to the announced version. */
export async function importAll(ingest: Ingest, seed: number): Promise<number> {
  const fromMs = systemClock.monotonicMs();
  const { accepted } = await importOf(ingest, { seed });
  if (accepted !== 3_000_000) throw new Error(`${accepted} rows accepted`);
  return (systemClock.monotonicMs() - fromMs) / 1000;
}

async function duckDbAlone(root: string, work: string) {
  const script = join(root, 'dist/bench/live-intake/duckdb-alone.main.js');
  const { stdout } = await promisify(execFile)(process.execPath, [
    script,
    join(root, 'node_modules/vega-datasets/data/flights-3m.parquet'),
    work,
  ]);
  return JSON.parse(stdout) as { seconds: number; times: Record<string, number>; peakMib: number };
}

export async function bulk(root: string, work: string, ingest: Ingest, rounds: number): Promise<Outcome[]> {
  const kept: Record<string, number[]> = { import: [], 'import: cpu s': [], DuckDB: [], 'peak MiB': [] };
  for (let round = 0; round < rounds; round++) {
    const { cpuSeconds } = stateOf(ingest.pid);
    kept.import?.push(await importAll(ingest, round));
    const { cpuSeconds: cpu, peakMib } = stateOf(ingest.pid);
    kept['import: cpu s']?.push(cpu - cpuSeconds);
    kept['peak MiB']?.push(peakMib);
    const alone = await duckDbAlone(root, work);
    kept.DuckDB?.push(alone.seconds);
    for (const [step, seconds] of Object.entries(alone.times)) {
      kept[`DuckDB: ${step}`] = [...(kept[`DuckDB: ${step}`] ?? []), seconds];
    }
  }
  const of = (name: string) => median(kept[name] ?? []);
  const ratio = of('import') / of('DuckDB');
  const peak = Math.max(...(kept['peak MiB'] ?? []));
  return [
    {
      figure: 'bulk load of 3,000,000 flights : DuckDB alone on one thread',
      target: `<= ${RATIO_MAX} ×`,
      measured: `${of('import').toFixed(1)} s : ${of('DuckDB').toFixed(1)} s`,
      ratio,
      met: ratio <= RATIO_MAX,
      rounds: kept,
    },
    {
      figure: "ingest's highest RSS meanwhile",
      target: `<= ${RSS_MIB_MAX} MiB`,
      measured: `${peak.toFixed(0)} MiB`,
      met: peak <= RSS_MIB_MAX,
      rounds: {},
    },
  ];
}
