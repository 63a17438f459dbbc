// Keeps the bulk loads of this process: starts them, tells how far they are, and starts those again that a dead process
// left unfinished. An import's id follows from project, schema and request, so that the same request twice is one
// import.

import { type Clock, PlatformError } from '@millrace/domain';
import { canonicalJson, type SourceSpec } from '@millrace/project';
import type { ImportEnd } from '../datasets/import-stream.js';
import type { Sha256Hex } from '../deadletters/dead-letter.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { RecordSchema } from '../schema/record-schema.js';
import {
  type ExtraRow,
  type ImportProgress,
  type ImportRequest,
  ImportRun,
  type ImportSettings,
  type ImportSink,
} from './import-run.js';
import type { RowSource } from './row-source.js';

export interface ImportStatus extends ImportProgress {
  importId: string;
  project: string;
  state: 'running' | 'done' | 'failed';
  datasetVersion?: string;
  message?: string;
  startedAtMs: number;
  endedAtMs?: number;
}

export interface StoredImport {
  project: string;
  importId: string;
  request: ImportRequest;
  /** When it was first begun; not said by release 0.1. */
  begunAtMs?: number;
}

/** What imports need from outside. */
export interface ImportPorts extends ImportSink {
  openSource(schema: RecordSchema, source: SourceSpec): Promise<RowSource>;
  readExtras(path: string, scope: string): Promise<ExtraRow[]>;
  /** Remembers an unfinished import over a crash. */
  begin(stored: StoredImport): Promise<void>;
  finish(importId: string): Promise<void>;
  unfinished(): StoredImport[];
  /** Resolves when the import's dataset version is closed. */
  end(importId: string): Promise<ImportEnd>;
}

export interface ImportRunnerSettings extends ImportSettings {
  importsMax: number;
}

/** Ended imports that can still be asked about. */
const ENDED_MAX = 1_000;

interface Job {
  status: ImportStatus;
  run: ImportRun | null;
}

export class ImportRunner {
  private readonly jobs = new Map<string, Job>();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly ports: ImportPorts,
    private readonly settings: ImportRunnerSettings,
    private readonly clock: Clock,
    private readonly sha256Hex: Sha256Hex,
  ) {}

  /** `begunAtMs`: of an import that is taken up again. */
  async start(project: string, request: ImportRequest, begunAtMs = this.clock.nowMs()): Promise<string> {
    const schema = this.registry.get(project);
    refuseTimes(schema, request);
    const source = schema.project.data.sources[request.source];
    if (source === undefined) {
      const known = Object.keys(schema.project.data.sources).join(', ') || 'none';
      throw new PlatformError('not_found', `no source '${request.source}' in the project file; known: ${known}`);
    }
    const importId = this.sha256Hex(canonicalJson({ project, schema: schema.hash, request })).slice(0, 16);
    if (this.jobs.get(importId)?.status.state === 'running') return importId;
    const running = [...this.jobs.values()].filter((job) => job.status.state === 'running').length;
    if (running >= this.settings.importsMax) {
      throw new PlatformError('overloaded', `${running} imports are running`, {
        facts: { importsMax: this.settings.importsMax },
      });
    }
    const status: ImportStatus = {
      importId,
      project,
      state: 'running',
      rowsRead: 0,
      rowsChosen: 0,
      accepted: 0,
      rejected: 0,
      startedAtMs: begunAtMs,
    };
    const job: Job = { status, run: null };
    this.jobs.delete(importId);
    this.jobs.set(importId, job);
    this.forgetOld();
    await this.ports.begin({ project, importId, request, begunAtMs });
    void this.work(job, schema, source, request);
    return importId;
  }

  status(project: string, importId: string): ImportStatus {
    const job = this.jobs.get(importId);
    if (job === undefined || job.status.project !== project)
      throw new PlatformError('not_found', `no import ${importId}`);
    return { ...job.status, ...(job.run?.progress ?? {}) };
  }

  /** Starts unfinished imports of an earlier process again. */
  async resume(): Promise<number> {
    const unfinished = this.ports.unfinished();
    for (const { project, importId, request, begunAtMs } of unfinished) {
      try {
        const again = await this.start(project, request, begunAtMs);
        if (again !== importId) await this.ports.finish(importId);
      } catch (thrown) {
        // The project or its source is gone: the import cannot go on.
        if (PlatformError.from(thrown).code === 'not_found') await this.ports.finish(importId);
        else throw thrown;
      }
    }
    return unfinished.length;
  }

  private async work(job: Job, schema: RecordSchema, source: SourceSpec, request: ImportRequest): Promise<void> {
    const { importId, startedAtMs } = job.status;
    let rows: RowSource | null = null;
    const end = this.ports.end(importId);
    try {
      rows = await this.ports.openSource(schema, source);
      const extras = request.extraFile === null ? [] : await this.ports.readExtras(request.extraFile, importId);
      const { ports, settings, clock, sha256Hex } = this;
      job.run = new ImportRun(schema, importId, request, ports, settings, clock, sha256Hex, startedAtMs);
      await job.run.run(rows, extras);
      const ended = await end;
      if (ended.kind === 'closed') this.conclude(job, { state: 'done', datasetVersion: ended.version.id });
      else this.conclude(job, { state: 'failed', message: ended.message });
      await this.ports.finish(importId);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      this.conclude(job, { state: 'failed', message: error.message });
      await this.ports.finish(importId);
    } finally {
      await rows?.close();
    }
  }

  private conclude(job: Job, end: Partial<ImportStatus>): void {
    job.status = { ...job.status, ...(job.run?.progress ?? {}), ...end, endedAtMs: this.clock.nowMs() };
    job.run = null;
  }

  private forgetOld(): void {
    for (const [importId, job] of this.jobs) {
      if (this.jobs.size <= ENDED_MAX) return;
      if (job.status.state !== 'running') this.jobs.delete(importId);
    }
  }
}

/** A range of event time chooses nothing among rows that have none. */
function refuseTimes(schema: RecordSchema, { fromMs, toMs }: ImportRequest): void {
  if (schema.eventTimeIndex >= 0) return;
  if (fromMs === Number.MIN_SAFE_INTEGER && toMs === Number.MAX_SAFE_INTEGER) return;
  const { name } = schema.project;
  throw new PlatformError(
    'invalid_argument',
    `from and to choose rows by event time, and project '${name}' has none: leave them out (rows and seed choose ` +
      `some of the rows), or name the time column with data.eventTime of the project file`,
  );
}
