// Models that were trained elsewhere, by HTTP, as libs/api says: their files are announced and sent in pieces, then a
// registration is started, which goes on as a training.

import { bodyOf, queryOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Uploads } from '@millrace/files';
import { Answers, sentPieces } from '@millrace/service';
import { Body, Controller, Inject, Param, Query } from '@nestjs/common';
import { registrationRequest } from '../registration/registration-request.js';
import { ModelRegistry } from '../registry/model-registry.js';
import { TrainingRunner } from '../training/runner.js';

const { startModelUpload, sendModelUpload, registerModel } = trainerApi.endpoints;

@Controller()
export class RegistrationsHttp {
  constructor(
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
    @Inject(Uploads) private readonly uploads: Uploads,
    @Inject(TrainingRunner) private readonly runner: TrainingRunner,
  ) {}

  @Answers(startModelUpload)
  announce(@Param('project') project: string, @Body() body: unknown) {
    if (this.registry.project(project) === undefined) throw new PlatformError('not_found', `no project "${project}"`);
    return this.uploads.announce(project, bodyOf(startModelUpload, body));
  }

  @Answers(sendModelUpload)
  async send(
    @Param('project') project: string,
    @Param('id') id: string,
    @Query() query: Readonly<Record<string, unknown>>,
    @Body() body: unknown,
  ) {
    const { offset } = queryOf(sendModelUpload, query);
    return { receivedBytes: await this.uploads.receive(project, id, offset, sentPieces(body)) };
  }

  @Answers(registerModel)
  async register(@Param('project') project: string, @Body() body: unknown) {
    const request = registrationRequest(project, body);
    // What is missing is told now, not by a failed job.
    for (const { upload } of request.registration?.files ?? []) this.uploads.nameOf(project, upload);
    return { trainingId: await this.runner.start(request) };
  }
}
