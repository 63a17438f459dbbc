// Files for imports by HTTP, as libs/api says: announced, then sent in one or many pieces. A body comes as a stream and
// goes to the disk as it comes.

import { bodyOf, ingestApi, queryOf } from '@millrace/api';
import { Uploads } from '@millrace/files';
import { Answers, sentPieces } from '@millrace/service';
import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import { ProjectRegistry } from '../projects/project-registry.js';
import { jsonObject } from './body.js';

const { startUpload, sendUpload } = ingestApi.endpoints;

@Controller()
export class UploadsController {
  constructor(
    @Inject(ProjectRegistry) private readonly registry: ProjectRegistry,
    @Inject(Uploads) private readonly uploads: Uploads,
  ) {}

  @Answers(startUpload)
  announce(@Param('project') project: string, @Body() body: string) {
    this.registry.get(project);
    return this.uploads.announce(project, bodyOf(startUpload, jsonObject(body)));
  }

  @Answers(sendUpload)
  async send(
    @Param('project') project: string,
    @Param('id') id: string,
    @Query() query: Readonly<Record<string, unknown>>,
    @Body() body: unknown,
  ) {
    const { offset } = queryOf(sendUpload, query);
    return { receivedBytes: await this.uploads.receive(project, id, offset, sentPieces(body)) };
  }
}
