// The control API of ingest by HTTP: projects, imports, dataset versions, dead letters, statistics.
//   POST /v1/projects[?folder=]              project file (YAML or JSON); 400 with all faults
//   GET  /v1/projects
//   POST /v1/projects/:p/infer               NDJSON or JSON array of raw rows → columns
//   POST /v1/projects/:p/imports             { source, fromMs, toMs, rows?, seed?, extraFile? } → { importId }
//   GET  /v1/projects/:p/imports/:id
//   GET  /v1/projects/:p/datasets            newest last
//   POST /v1/projects/:p/datasets/close      closes every open live version now
//   GET  /v1/deadletters?project=&limit=     newest first
//   POST /v1/deadletters/:id/redrive
//   GET  /v1/stats

import { PlatformError } from '@millrace/domain';
import { inferColumns } from '@millrace/project';
import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { DatasetIndex } from '../datasets/dataset-index.js';
import { LiveStream } from '../datasets/live-stream.js';
import { DeadLetterList } from '../deadletters/dead-letter-list.js';
import { ImportRunner } from '../imports/import-runner.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import { ProjectPublisher } from '../projects/projects.kafka.js';
import { Redrive } from '../redrive/redrive.js';
import { Statistics } from '../stats/statistics.js';
import { bodyItems, jsonObject, numberField, onlyFields, textField } from './body.js';

interface Reply {
  status(code: number): unknown;
}

/** Rows looked at to propose a schema. */
const SAMPLE_ROWS_MAX = 100_000;
const DEAD_LETTERS_LIMIT = 1_000;
const PAYLOAD_SHOWN_BYTES = 4_096;

@Controller('v1')
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
  ) {}

  @Post('projects')
  @HttpCode(200)
  async apply(
    @Body() body: string,
    @Query('folder') folder: string | undefined,
    @Query('file') file: string | undefined,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<object> {
    const applied = await this.projectPublisher.apply(body ?? '', file ?? 'project.yaml', folder ?? null);
    if (applied.kind === 'invalid') {
      reply.status(400);
      const message = `the project file has ${applied.faults.length} fault(s)`;
      return {
        error: { code: 'invalid_argument', message, facts: { faults: applied.faults.length } },
        faults: applied.faults,
      };
    }
    const { name, revision, documentSha256, appliedAtMs } = applied.entry;
    return { name, revision, documentSha256, appliedAtMs, changed: applied.changed };
  }

  @Get('projects')
  projects(): object {
    return {
      projects: this.registry.list().map(({ document, ...entry }) => ({ ...entry, document: JSON.parse(document) })),
    };
  }

  @Post('projects/:project/infer')
  @HttpCode(200)
  infer(@Body() body: string, @Headers('content-type') type: string | undefined): object {
    const items = bodyItems(body ?? '', type?.includes('ndjson') ?? false);
    if (items.length > SAMPLE_ROWS_MAX)
      throw new PlatformError('invalid_argument', `a sample has at most ${SAMPLE_ROWS_MAX} rows`);
    const rows = items.flatMap(({ value }) =>
      typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [],
    );
    return { columns: inferColumns(rows), rows: rows.length, unreadable: items.length - rows.length };
  }

  @Post('projects/:project/imports')
  @HttpCode(202)
  async startImport(@Param('project') project: string, @Body() body: string): Promise<object> {
    const fields = jsonObject(body);
    onlyFields(fields, ['source', 'fromMs', 'toMs', 'rows', 'seed', 'extraFile']);
    const rows =
      fields.rows === undefined || fields.rows === null || fields.rows === 'all' ? null : numberField(fields, 'rows');
    if (rows !== null && (!Number.isSafeInteger(rows) || rows < 1))
      throw new PlatformError('invalid_argument', 'rows is a whole number from 1 on, or "all"');
    const importId = await this.imports.start(project, {
      source: textField(fields, 'source'),
      fromMs: numberField(fields, 'fromMs', Number.MIN_SAFE_INTEGER),
      toMs: numberField(fields, 'toMs', Number.MAX_SAFE_INTEGER),
      rows,
      seed: numberField(fields, 'seed', 0),
      extraFile: fields.extraFile === undefined || fields.extraFile === null ? null : textField(fields, 'extraFile'),
    });
    return { importId };
  }

  @Get('projects/:project/imports/:id')
  importStatus(@Param('project') project: string, @Param('id') id: string): object {
    return this.imports.status(project, id);
  }

  @Get('projects/:project/datasets')
  datasets(@Param('project') project: string): object {
    this.registry.get(project);
    return { datasets: this.datasetIndex.list(project) };
  }

  @Post('projects/:project/datasets/close')
  @HttpCode(200)
  async closeDatasets(@Param('project') project: string): Promise<object> {
    this.registry.get(project);
    return { closed: await this.live.closeAll(project) };
  }

  @Get('deadletters')
  deadLetters(@Query('project') project: string | undefined, @Query('limit') limit: string | undefined): object {
    const wanted = limit === undefined ? 100 : Number(limit);
    if (!Number.isSafeInteger(wanted) || wanted < 1)
      throw new PlatformError('invalid_argument', 'limit is a whole number from 1 on');
    const letters = this.letters.list(project ?? null, Math.min(wanted, DEAD_LETTERS_LIMIT));
    return {
      total:
        project === undefined
          ? this.letters.projects().reduce((sum, name) => sum + this.letters.count(name), 0)
          : this.letters.count(project),
      deadLetters: letters.map(({ payload, ...letter }) => ({
        ...letter,
        // Shown as text; what is no UTF-8 shows as replacement characters. The hash names the bytes.
        payload: new TextDecoder().decode(payload.subarray(0, PAYLOAD_SHOWN_BYTES)),
      })),
    };
  }

  @Post('deadletters/:id/redrive')
  @HttpCode(200)
  redrive(@Param('id') id: string): Promise<object> {
    return this.redrives.run(id);
  }

  @Get('stats')
  stats(): object {
    return { projects: this.statistics.byProject() };
  }
}
