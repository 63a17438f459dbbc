// The control API of ingest by HTTP, as libs/api says: projects, imports, dataset versions, dead letters,
// statistics.

import { bodyOf, type CalledFrom, ingestApi, queryOf } from '@millrace/api';
import { AuditTrail, type Done } from '@millrace/audit';
import { PlatformError } from '@millrace/domain';
import { inferColumns } from '@millrace/project';
import { Answers, Caller } from '@millrace/service';
import { Body, Controller, Headers, Inject, Param, Query, Res } from '@nestjs/common';
import { DatasetIndex } from '../datasets/dataset-index.js';
import { LiveStream } from '../datasets/live-stream.js';
import { DeadLetterList } from '../deadletters/dead-letter-list.js';
import { letterView } from '../deadletters/letter-view.js';
import { ALL_ROWS } from '../imports/import-run.js';
import { ImportRunner } from '../imports/import-runner.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import { ProjectPublisher } from '../projects/projects.kafka.js';
import { Redrive } from '../redrive/redrive.js';
import { Statistics } from '../stats/statistics.js';
import { bodyItems, jsonObject } from './body.js';

interface Reply {
  status(code: number): unknown;
}

/** Rows looked at to propose a schema. */
const SAMPLE_ROWS_MAX = 100_000;
const DEAD_LETTERS_LIMIT = 1_000;
const DATASETS_LIMIT = 100;
const AUDIT_MS = 2_000;

const calls = ingestApi.endpoints;
type Parameters = Readonly<Record<string, unknown>>;

@Controller()
export class ControlController {
  constructor(
    @Inject(ProjectPublisher) private readonly projectPublisher: ProjectPublisher,
    @Inject(ProjectRegistry) private readonly registry: ProjectRegistry,
    @Inject(ImportRunner) private readonly imports: ImportRunner,
    @Inject(DatasetIndex) private readonly datasetIndex: DatasetIndex,
    @Inject(LiveStream) private readonly live: LiveStream,
    @Inject(DeadLetterList) private readonly letters: DeadLetterList,
    @Inject(Redrive) private readonly redrives: Redrive,
    @Inject(Statistics) private readonly statistics: Statistics,
    @Inject(AuditTrail) private readonly audit: AuditTrail,
  ) {}

  @Answers(calls.applyProject)
  async apply(
    @Body() body: string,
    @Query() query: Parameters,
    @Res({ passthrough: true }) reply: Reply,
    @Caller() caller: CalledFrom,
  ) {
    const { folder = null, file = 'project.yaml', by = '', reason = '' } = queryOf(calls.applyProject, query);
    const applied = await this.projectPublisher.apply(body ?? '', file, folder);
    if (applied.kind === 'invalid') {
      reply.status(400);
      const message = `the project file has ${applied.faults.length} fault(s)`;
      return {
        error: { code: 'invalid_argument', message, facts: { faults: applied.faults.length } },
        faults: applied.faults,
      };
    }
    const { name, revision, documentSha256, appliedAtMs } = applied.entry;
    if (applied.changed) {
      const detail = `revision ${revision}, SHA-256 ${documentSha256}`;
      await this.noted({ project: name, who: by, ...caller, reason, action: 'project.apply', detail });
    }
    return { name, revision, documentSha256, appliedAtMs, changed: applied.changed };
  }

  @Answers(calls.projects)
  projects() {
    return {
      projects: this.registry.list().map(({ document, ...entry }) => ({ ...entry, document: JSON.parse(document) })),
    };
  }

  @Answers(calls.removeProject)
  async remove(@Param('project') project: string, @Query() query: Parameters, @Caller() caller: CalledFrom) {
    const { by = '', reason = '' } = queryOf(calls.removeProject, query);
    const { name, revision } = await this.projectPublisher.remove(project);
    const detail = `revision ${revision} was its last one`;
    await this.noted({ project: name, who: by, ...caller, reason, action: 'project.delete', detail });
    return { name, revision };
  }

  /** The caller is answered when it is in the audit, or a little later. */
  private noted(done: Omit<Done, 'subject' | 'result'>): Promise<void> {
    this.audit.note({ ...done, who: done.who.trim(), subject: 'the project', result: 'applied' });
    return this.audit.settled(AUDIT_MS);
  }

  @Answers(calls.inferColumns)
  infer(@Body() body: string, @Headers('content-type') type: string | undefined) {
    const items = bodyItems(body ?? '', type?.includes('ndjson') ?? false);
    if (items.length > SAMPLE_ROWS_MAX)
      throw new PlatformError('invalid_argument', `a sample has at most ${SAMPLE_ROWS_MAX} rows`);
    const rows = items.flatMap(({ value }) =>
      typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [],
    );
    return { columns: inferColumns(rows), rows: rows.length, unreadable: items.length - rows.length };
  }

  @Answers(calls.startImport)
  async startImport(@Param('project') project: string, @Body() body: string) {
    const given = bodyOf(calls.startImport, jsonObject(body));
    const { source = null, upload = null, fromMs, toMs, rows, seed, format, csv } = given;
    const importId = await this.imports.start(project, {
      source,
      upload,
      fromMs: fromMs ?? ALL_ROWS.fromMs,
      toMs: toMs ?? ALL_ROWS.toMs,
      rows: rows === 'all' ? null : (rows ?? null),
      seed: seed ?? ALL_ROWS.seed,
      ...(format ? { format } : {}),
      ...(csv ? { csv } : {}),
    });
    return { importId };
  }

  @Answers(calls.importStatus)
  importStatus(@Param('project') project: string, @Param('id') id: string) {
    return this.imports.status(project, id);
  }

  @Answers(calls.datasets)
  datasets(@Param('project') project: string, @Query() query: Parameters) {
    const { limit = DATASETS_LIMIT, before } = queryOf(calls.datasets, query);
    this.registry.get(project);
    const { versions, ...page } = this.datasetIndex.page(project, limit, before);
    return { datasets: [...versions], ...page };
  }

  @Answers(calls.resetWatermark)
  async resetWatermark(@Param('project') project: string, @Body() text: string) {
    this.registry.get(project);
    const { toMs } = bodyOf(calls.resetWatermark, jsonObject(text));
    return { toMs: await this.live.resetWatermark(project, toMs) };
  }

  @Answers(calls.closeDatasets)
  async closeDatasets(@Param('project') project: string) {
    this.registry.get(project);
    return { closed: await this.live.closeAll(project) };
  }

  @Answers(calls.deadLetters)
  deadLetters(@Query() query: Parameters) {
    const { project, limit = 100, redriven = false } = queryOf(calls.deadLetters, query);
    const letters = this.letters.list(project ?? null, Math.min(limit, DEAD_LETTERS_LIMIT), redriven);
    const projects = project === undefined ? this.letters.projects() : [project];
    const sum = (of: (name: string) => number) => projects.reduce((total, name) => total + of(name), 0);
    return {
      total: sum((name) => this.letters.count(name)),
      redriven: sum((name) => this.letters.redrivenCount(name)),
      deadLetters: letters.map((letter) => {
        const schema = this.registry.find(letter.project);
        return letterView(letter, schema?.columns[schema.recordIdIndex]?.name);
      }),
    };
  }

  @Answers(calls.redrive)
  redrive(@Param('id') id: string, @Query() query: Parameters) {
    return this.redrives.run(id, queryOf(calls.redrive, query).again ?? false);
  }

  @Answers(calls.stats)
  stats(@Query() query: Parameters) {
    const { project } = queryOf(calls.stats, query);
    const { stopped, partitions } = this.statistics;
    return { stopped, partitions, projects: this.statistics.byProject(project) };
  }
}
