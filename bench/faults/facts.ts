// What a run has left behind, asked of the platform and of its files, in a form in which two runs of the same rows are
// equal: dataset versions with their ids, every stored row with its label, windows as they were judged.

import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { DATASET_COLUMNS } from '@millrace/contracts';
import { eventually } from '@millrace/testing';
import { type ComparableWindow, comparable, type JudgedWindow } from '../live/windows.js';
import type { ReplicatedPlatform } from './replicated-platform.process.js';

const CLOSED_WITHIN_MS = 120_000;

interface Version {
  id: string;
  kind: string;
  ordinal: number;
  rowsOf: number;
  source: string;
  rows: number;
  labelledRows: number;
  lateRows: number;
  repeatedRows: number;
  parquetPath: string;
  windowStartMs: number;
}

export interface ComparableVersion {
  startMs: number;
  id: string;
  rows: number;
  labelledRows: number;
  /** Of them, rows of earlier spans. */
  lateRows: number;
  /** Newer labels have made it. */
  isChild: boolean;
}

export interface StoredRow {
  recordId: string;
  label: number | null;
}

export type Statistics = Record<string, number>;

export class Facts {
  constructor(
    private readonly platform: ReplicatedPlatform,
    readonly project: string,
  ) {}

  async statistics(): Promise<Statistics> {
    const { projects } = await this.platform.ask<{ projects: Record<string, Statistics> }>('ingestHttp', '/v1/stats');
    return projects[this.project] ?? {};
  }

  /** Closes what is open until so many rows are stored. */
  async closed(rows: number): Promise<void> {
    let said = '';
    const isClosed = async () => {
      try {
        await this.platform.ask('ingestHttp', `/v1/projects/${this.project}/datasets/close`, { method: 'POST' });
        const { openRows = 0, openLabels = 0 } = await this.statistics();
        const stored = (await this.current()).reduce((sum, version) => sum + version.rows, 0);
        said = `${stored} of ${rows} rows stored, ${openRows} rows and ${openLabels} labels open`;
        return stored >= rows && openRows + openLabels === 0;
      } catch (error) {
        said = String(error);
        return false;
      }
    };
    await eventually('every row is in a version', isClosed, CLOSED_WITHIN_MS).catch(() => {
      throw new Error(`${this.project}: not every row is in a version: ${said}`);
    });
  }

  /** The newest version of each span stands for it. */
  private async current(): Promise<Version[]> {
    const { datasets } = await this.platform.ask<{ datasets: Version[] }>(
      'ingestHttp',
      `/v1/projects/${this.project}/datasets`,
    );
    const newest = new Map<number, Version>();
    for (const version of datasets) if (version.kind === 'live') newest.set(version.rowsOf || version.ordinal, version);
    return [...newest.values()];
  }

  async versions(): Promise<ComparableVersion[]> {
    const versions = await this.current();
    return versions
      .map(({ windowStartMs: startMs, id, rows, labelledRows, lateRows, rowsOf }) => ({
        ...{ startMs, id, rows, labelledRows, lateRows },
        isChild: rowsOf > 0,
      }))
      .sort((a, b) => a.startMs - b.startMs);
  }

  async rows(): Promise<StoredRow[]> {
    const files = (await this.current()).map(
      ({ parquetPath }) => `'${join(this.platform.home, 'artifacts', parquetPath)}'`,
    );
    if (files.length === 0) return [];
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    const { recordId, label } = DATASET_COLUMNS;
    const read = await connection.runAndReadAll(
      `SELECT "${recordId}", "${label}"::DOUBLE FROM read_parquet([${files.join(', ')}])`,
    );
    const rows = read.getRows().map(([id, value]) => ({
      recordId: String(id),
      label: value === null ? null : Number(value),
    }));
    connection.closeSync();
    return rows;
  }

  async windows(): Promise<ComparableWindow[]> {
    const { windows } = await this.platform.ask<{ windows: JudgedWindow[] }>(
      'monitorHttp',
      `/v1/projects/${this.project}/windows?limit=1000`,
    );
    return comparable(windows);
  }

  async counters(): Promise<Statistics> {
    const { counters } = await this.platform.ask<{ counters: Statistics }>(
      'monitorHttp',
      `/v1/projects/${this.project}/labels-joined`,
    );
    return counters;
  }

  async deadLetters(): Promise<number> {
    const { total } = await this.platform.ask<{ total: number }>(
      'ingestHttp',
      `/v1/deadletters?project=${this.project}&limit=1`,
    );
    return total;
  }
}
