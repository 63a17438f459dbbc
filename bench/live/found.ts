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

export interface StoredRows {
  versions: number;
  /** Children that newer labels made. */
  children: number;
  rows: number;
  distinct: number;
  labelled: number;
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
    if (current.length === 0) return { ...facts, rows: 0, distinct: 0, labelled: 0 };
    const files = current.map(({ parquetPath }) => `'${join(this.platform.home, 'artifacts', parquetPath)}'`);
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const { recordId, label } = DATASET_COLUMNS;
    const result = await connection.runAndReadAll(
      `SELECT count(*), count(DISTINCT "${recordId}"), count("${label}") FROM read_parquet([${files.join(', ')}])`,
    );
    const [rows, distinct, labelled] = (result.getRows()[0] ?? []).map(Number) as [number, number, number];
    connection.closeSync();
    return { ...facts, rows, distinct, labelled };
  }

  async joined(): Promise<JoinedLabels> {
    return ask<JoinedLabels>(this.monitor('/labels-joined'));
  }

  async driftEvents(): Promise<DriftEvent[]> {
    const { driftEvents } = await ask<{ driftEvents: DriftEvent[] }>(this.monitor('/drift-events'));
    return driftEvents;
  }
}
