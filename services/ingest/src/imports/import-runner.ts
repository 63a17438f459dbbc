// Keeps the bulk loads of this process: starts them, tells how far they are, and starts those again that a dead process
// left unfinished. An import's id follows from project, schema and request, so that the same request twice is one
// import.

import type { DatasetVersion } from '@millrace/contracts';
import { type Clock, hint, PlatformError } from '@millrace/domain';
import { canonicalJson } from '@millrace/project';
import type { ImportEnd } from '../datasets/import-end.js';
import { deletedMessage } from '../datasets/import-stream.js';
import type { Sha256Hex } from '../deadletters/dead-letter.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { decimalWarnings, noRowsMessage } from './import-outcome.js';
import {
  ALL_ROWS,
  type ImportPart,
  type ImportProgress,
  type ImportRequest,
  ImportRun,
  type ImportSettings,
  type ImportSink,
} from './import-run.js';
import type { Refusal } from './refusals.js';
import type { FileTerms, RowSource, SourceFacts } from './row-source.js';

export interface ImportStatus extends ImportProgress, Partial<Pick<SourceFacts, 'format' | 'csv'>> {
  importId: string;
  project: string;
  source: string;
  state: 'running' | 'done' | 'failed';
  warnings: readonly string[];
  reasons: readonly Refusal[];
  datasetVersion?: string;
  /** Accepted rows that are not in the version, for an earlier one has their id. */
  repeatedRows?: number;
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

/** Uploads as an import uses them. */
export interface ImportUploads {
  /** The name of a whole upload. @throws PlatformError where there is none, or where bytes are missing */
  nameOf(project: string, uploadId: string): string;
  /** It does not leave before `release`. */
  hold(uploadId: string): void;
  /** `done`: its rows are in a version, it may go at once. */
  release(uploadId: string, done: boolean): Promise<void>;
}

/** What imports need from outside. */
export interface ImportPorts extends ImportSink {
  openSource(schema: RecordSchema, source: string, terms: FileTerms): Promise<RowSource>;
  openUpload(schema: RecordSchema, uploadId: string, terms: FileTerms): Promise<RowSource>;
  uploads: ImportUploads;
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
    const createdAtMs = this.registry.createdAtMs(project) as number;
    if (begunAtMs < createdAtMs) throw new PlatformError('cancelled', deletedMessage(project), { retry: 'never' });
    checkTimes(schema, request);
    const source = this.nameOf(schema, request);
    // The same file read with another decimal sign is another import.
    const { decimal } = schema.project.data;
    const terms = { project, schema: schema.hash, request, ...(decimal === undefined ? {} : { decimal }) };
    const importId = this.sha256Hex(canonicalJson(terms)).slice(0, 16);
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
      source,
      state: 'running',
      warnings: [],
      reasons: [],
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
    if (request.upload !== null) this.ports.uploads.hold(request.upload);
    try {
      await this.ports.begin({ project, importId, request, begunAtMs });
    } catch (thrown) {
      this.jobs.delete(importId);
      if (request.upload !== null) await this.ports.uploads.release(request.upload, false);
      throw thrown;
    }
    void this.work(job, schema, request, this.sinkOf(project, createdAtMs));
    return importId;
  }

  status(project: string, importId: string): ImportStatus {
    const job = this.jobs.get(importId);
    if (job === undefined || job.status.project !== project)
      throw new PlatformError('not_found', `no import ${importId}`);
    return { ...job.status, ...soFar(job) };
  }

  /** Starts unfinished imports of an earlier process again. */
  async resume(): Promise<number> {
    const unfinished = this.ports.unfinished();
    for (const { project, importId, request, begunAtMs } of unfinished) {
      try {
        const again = await this.start(project, request, begunAtMs);
        if (again !== importId) await this.ports.finish(importId);
      } catch (thrown) {
        // The project, its source or the upload is gone, or is another now: the import cannot go on.
        if (PlatformError.from(thrown).retry === 'never') await this.ports.finish(importId);
        else throw thrown;
      }
    }
    return unfinished.length;
  }

  /** Takes rows for as long as the project is the one that was created then. */
  private sinkOf(project: string, createdAtMs: number): ImportSink {
    const { ports, registry } = this;
    const check = (): void => {
      if (registry.createdAtMs(project) === createdAtMs) return;
      throw new PlatformError('cancelled', deletedMessage(project), { retry: 'never' });
    };
    return {
      batch: async (batch) => {
        check();
        await ports.batch(batch);
      },
      deadLetters: async (letters) => {
        check();
        await ports.deadLetters(letters);
      },
    };
  }

  /** What the version and its batches are said to come from. */
  private nameOf({ project }: RecordSchema, { source, upload }: ImportRequest): string {
    const uploaded = upload === null ? null : `upload:${this.ports.uploads.nameOf(project.name, upload)}`;
    if (source === null && uploaded === null)
      throw new PlatformError('invalid_argument', 'name a source of the project file, or an upload');
    if (source === null) return uploaded as string;
    const { sources } = project.data;
    if (!Object.hasOwn(sources, source)) {
      const known = Object.keys(sources);
      const instead =
        known.length > 0
          ? hint(source, known)
          : `It names none; \`millrace ingest ${project.name} --file FILE\` takes a file.`;
      throw new PlatformError('not_found', `no source '${source}' in the project file. ${instead}`);
    }
    return `file:${source}`;
  }

  private async work(job: Job, schema: RecordSchema, request: ImportRequest, sink: ImportSink): Promise<void> {
    const { importId, source: from, startedAtMs } = job.status;
    const open: RowSource[] = [];
    const end = this.ports.end(importId);
    let ended: Partial<ImportStatus>;
    try {
      const parts = await this.parts(job, schema, request, open);
      const { settings, clock, sha256Hex } = this;
      job.run = new ImportRun(schema, importId, from, sink, settings, clock, sha256Hex, startedAtMs);
      await job.run.run(parts);
      const result = await end;
      ended =
        result.kind === 'closed'
          ? doneWith(result.version, job.run.progress)
          : { state: 'failed', message: this.whyNone(job, request) ?? result.message };
    } catch (thrown) {
      ended = { state: 'failed', message: PlatformError.from(thrown).reason };
    }
    // What cannot be tidied up now is done again after a restart, with the same result.
    await Promise.allSettled([
      this.ports.finish(importId),
      ...open.map((source) => source.close()),
      ...(request.upload === null ? [] : [this.ports.uploads.release(request.upload, ended.state === 'done')]),
    ]);
    this.conclude(job, ended);
  }

  private async parts(
    job: Job,
    schema: RecordSchema,
    request: ImportRequest,
    open: RowSource[],
  ): Promise<readonly ImportPart[]> {
    const { source, upload, fromMs, toMs, rows, seed, format, csv } = request;
    const choice = { fromMs, toMs, rows, seed };
    const parts: ImportPart[] = [];
    const add = (name: string, opened: RowSource): void => {
      open.push(opened);
      parts.push({ name, source: opened, choice: parts.length === 0 ? choice : ALL_ROWS });
      const { format: found, csv: dialect, warnings } = opened.facts;
      if (parts.length === 1) job.status = { ...job.status, format: found, ...(dialect ? { csv: dialect } : {}) };
      job.status = { ...job.status, warnings: [...job.status.warnings, ...warnings] };
    };
    // What is said of a file is said of the upload where there is one.
    const terms: FileTerms = { ...(format ? { format } : {}), ...(csv ? { csv } : {}) };
    if (source !== null)
      add(`file:${source}`, await this.ports.openSource(schema, source, upload === null ? terms : {}));
    if (upload !== null) {
      const name = this.ports.uploads.nameOf(schema.project.name, upload);
      add(`upload:${name}`, await this.ports.openUpload(schema, upload, terms));
    }
    return parts;
  }

  /** Null where rows were good: then the reason is another. */
  private whyNone(job: Job, { fromMs, toMs }: ImportRequest): string | null {
    const { run, status } = job;
    if (run === null || run.progress.accepted > 0) return null;
    const isRange = fromMs !== ALL_ROWS.fromMs || toMs !== ALL_ROWS.toMs;
    const file = status.source.replace(/^\w+:/, '');
    return noRowsMessage(status.project, file, run.progress, run.refusals.list(), isRange);
  }

  private conclude(job: Job, end: Partial<ImportStatus>): void {
    job.status = { ...job.status, ...soFar(job), ...end, endedAtMs: this.clock.nowMs() };
    job.run = null;
  }

  private forgetOld(): void {
    for (const [importId, job] of this.jobs) {
      if (this.jobs.size <= ENDED_MAX) return;
      if (job.status.state !== 'running') this.jobs.delete(importId);
    }
  }
}

/** A range that ends before it begins chooses nothing, nor does any among rows without event time. */
function checkTimes(schema: RecordSchema, { fromMs, toMs }: ImportRequest): void {
  if (fromMs >= toMs) throw new PlatformError('invalid_argument', 'from is not before to: no row is between them');
  if (schema.eventTimeIndex >= 0) return;
  if (fromMs === ALL_ROWS.fromMs && toMs === ALL_ROWS.toMs) return;
  const { name } = schema.project;
  throw new PlatformError(
    'invalid_argument',
    `from and to choose rows by event time, and project '${name}' has none: leave them out (rows and seed choose ` +
      `some of the rows), or name the time column with data.eventTime of the project file`,
  );
}

/** The version may be one that another file with the same rows made: what this one repeats only its own rows say. */
function doneWith({ id, rows }: DatasetVersion, { accepted }: ImportProgress): Partial<ImportStatus> {
  return { state: 'done', datasetVersion: id, repeatedRows: accepted - rows };
}

/** Of a load that runs. */
function soFar({ status, run }: Job): Partial<ImportStatus> {
  if (run === null) return {};
  const reasons = run.refusals.list();
  return { ...run.progress, reasons, warnings: [...status.warnings, ...decimalWarnings(reasons)] };
}
