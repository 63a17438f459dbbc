// Files for imports by HTTP, as libs/api says: announced, then sent in one or many pieces. A body comes as a stream and
// goes to the disk as it comes; a sender that is silent for too long is cut off, and what it sent stays.

import type { Readable } from 'node:stream';
import { bodyOf, ingestApi, queryOf } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import { ProjectRegistry } from '../projects/project-registry.js';
import { Uploads } from '../uploads/uploads.js';
import { jsonObject } from './body.js';

/** Longer than any disk or network that works stays away. */
const SILENT_MS_MAX = 30_000;

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
    @Body() body: Readable | undefined,
  ) {
    const { offset } = queryOf(sendUpload, query);
    if (typeof body?.pipe !== 'function')
      throw new PlatformError('invalid_argument', 'send the bytes with content-type application/octet-stream');
    return { receivedBytes: await this.uploads.receive(project, id, offset, heard(body)) };
  }
}

/** The stream's pieces; ends with an error where none comes for too long, or the sender goes away. */
async function* heard(stream: Readable): AsyncIterable<Uint8Array> {
  const silence = setTimeout(() => {
    stream.destroy(new PlatformError('deadline_exceeded', `nothing came for ${SILENT_MS_MAX / 1_000} s`));
  }, SILENT_MS_MAX);
  try {
    for await (const piece of stream) {
      yield piece as Uint8Array;
      silence.refresh();
    }
  } catch (thrown) {
    throw PlatformError.from(thrown, 'cancelled');
  } finally {
    clearTimeout(silence);
  }
}
