// The archive of predictions over HTTP (8040), as libs/api says. What is answered is made in archive-views.ts.

import { monitorApi, queryOf } from '@millrace/api';
import { Answers } from '@millrace/service';
import { Controller, Inject, Param, Query } from '@nestjs/common';
import { type ArchiveSources, archiveView, predictionView } from './archive-views.js';

export const ARCHIVE_SOURCES = Symbol('ARCHIVE_SOURCES');

const calls = monitorApi.endpoints;

@Controller()
export class ArchiveHttp {
  constructor(@Inject(ARCHIVE_SOURCES) private readonly sources: ArchiveSources) {}

  @Answers(calls.archive)
  archive(@Param('project') project: string) {
    return archiveView(this.sources, project);
  }

  @Answers(calls.prediction)
  prediction(@Param('project') project: string, @Query() query: Readonly<Record<string, unknown>>) {
    const { id, aroundMs } = queryOf(calls.prediction, query);
    return predictionView(this.sources, project, id, aroundMs);
  }
}
