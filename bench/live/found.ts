// What a live run left behind, asked of the platform and of its files: which rows are in which dataset version, which
// labels found their prediction, what was late.

import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DATASET_COLUMNS } from '@millrace/contracts';
import type { BenchPlatform } from '../platform.process.js';
import { PROJECT } from './sensors.js';

interface Version {
  id: string;
  kind: string;
  parent: string;
  source: string;
  rows: number;
  labelledRows: number;
  lateRows: number;
  repeatedRows: number;
  parquetPath: string;
  windowEndMs: number;
}

export interface RowsOfFiles {
  rows: number;
  /** Of their ids. */
  distinct: number;
  labelled: number;
}

export interface StoredRows extends RowsOfFiles {
  versions: number;
  /** Children that newer labels made. */
  children: number;
  late: number;
  repeated: number;
}

export interface JoinedLabels {
  labelsJoined: number;
  counters: Record<string, number>;
}

export interface DriftEvent {
  id: string;
  feature: string;
  window: { startMs: number; endMs: number };
}

async function ask<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as T;
}

async function firstRow(sql: string): Promise<number[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    return ((await connection.runAndReadAll(sql)).getRows()[0] ?? []).map(Number);
  } finally {
    connection.closeSync();
  }
}

/** What is in these Parquet files of dataset versions, by their paths in the artifact store of a home. */
export async function rowsOfFiles(home: string, paths: readonly string[]): Promise<RowsOfFiles> {
  if (paths.length === 0) return { rows: 0, distinct: 0, labelled: 0 };
  const files = paths.map((path) => `'${join(home, 'artifacts', path)}'`).join(', ');
  const { recordId, label } = DATASET_COLUMNS;
  const counted = await firstRow(
    `SELECT count(*), count(DISTINCT "${recordId}"), count("${label}") FROM read_parquet([${files}])`,
  );
  const [rows, distinct, labelled] = counted as [number, number, number];
  return { rows, distinct, labelled };
}

export class Found {
  constructor(private readonly platform: BenchPlatform) {}

  private ingest(path: string): string {
    return `http://127.0.0.1:${this.platform.port('INGEST_HTTP')}/v1${path}`;
  }

  private monitor(path: string): string {
    return `http://127.0.0.1:${this.platform.port('MONITOR_HTTP')}/v1/projects/${PROJECT}${path}`;
  }

  /** The newest version of each span stands for it. */
  async liveVersions(): Promise<{ current: Version[]; children: number }> {
    const { datasets } = await ask<{ datasets: Version[] }>(this.ingest(`/projects/${PROJECT}/datasets?limit=1000`));
    const live = datasets.filter(({ kind }) => kind === 'live');
    const children = live.filter(({ source }) => source === 'late labels');
    const refreshed = new Set(children.map(({ parent }) => parent));
    return { current: live.filter(({ id }) => !refreshed.has(id)), children: children.length };
  }

  /** Closes what is still open. */
  async closeLast(): Promise<void> {
    await ask(this.ingest(`/projects/${PROJECT}/datasets/close`), { method: 'POST' });
  }

  async statistics(): Promise<Record<string, number>> {
    const { projects } = await ask<{ projects: Record<string, Record<string, number>> }>(this.ingest('/stats'));
    return projects[PROJECT] ?? {};
  }

  async stored(): Promise<StoredRows> {
    const { current, children } = await this.liveVersions();
    const sum = (of: (version: Version) => number) => current.reduce((total, version) => total + of(version), 0);
    const facts = {
      versions: current.length,
      children,
      late: sum((v) => v.lateRows),
      repeated: sum((v) => v.repeatedRows),
    };
    const files = current.map(({ parquetPath }) => parquetPath);
    return { ...facts, ...(await rowsOfFiles(this.platform.home, files)) };
  }

  /** Records of open spans, as ingest counts them; and those of them that are in segments on the disk. */
  async open(): Promise<{ records: number; onDisk: number }> {
    const { openRows: records = 0 } = await this.statistics();
    const segments = join(this.platform.home, `artifacts/segments/*/${PROJECT}/*/records_*.parquet`);
    const rows = `count(DISTINCT "${DATASET_COLUMNS.recordId}")`; // small files stay a while beside the one they became
    // Before the first and behind the last there is no file, and one may be merged while it is looked at.
    const [onDisk = 0] = await firstRow(`SELECT ${rows} FROM read_parquet('${segments}')`).catch(() => [0]);
    return { records, onDisk };
  }

  async joined(): Promise<JoinedLabels> {
    return ask<JoinedLabels>(this.monitor('/labels-joined'));
  }

  async driftEvents(): Promise<DriftEvent[]> {
    const { driftEvents } = await ask<{ driftEvents: DriftEvent[] }>(this.monitor('/drift-events'));
    return driftEvents;
  }
}
