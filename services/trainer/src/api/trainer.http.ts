// The trainer's HTTP API, as libs/api says: trainings, model versions and their artifacts, workers.

import { queryOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers, artifactHeaders, artifactPreflightHeaders, isUnchanged } from '@millrace/service';
import { Body, Controller, Headers, Inject, Options, Param, Query, Res } from '@nestjs/common';
import { Coordinator } from '../collective/coordinator.js';
import { ModelRegistry } from '../registry/model-registry.js';
import { PackageFiles } from '../registry/package-files.js';
import { TrainingRunner } from '../training/runner.js';
import { trainingRequest } from './start-training.js';

interface Reply {
  headers(values: Record<string, string>): Reply;
  code(status: number): Reply;
  send(body?: unknown): unknown;
}

const calls = trainerApi.endpoints;
/** Versions in one answer, where the caller names no limit. */
const LIST_DEFAULT = 100;

@Controller()
export class TrainerHttp {
  constructor(
    @Inject(TrainingRunner) private readonly runner: TrainingRunner,
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
    @Inject(Coordinator) private readonly coordinator: Coordinator,
    @Inject(PackageFiles) private readonly packages: PackageFiles,
  ) {}

  @Answers(calls.startTraining)
  async start(@Param('project') project: string, @Body() body: unknown) {
    return { trainingId: await this.runner.start(trainingRequest(project, body)) };
  }

  @Answers(calls.trainings)
  trainings(@Param('project') project: string) {
    return { trainings: this.runner.list(project) };
  }

  @Answers(calls.training)
  training(@Param('project') project: string, @Param('id') id: string) {
    const view = this.runner.view(id);
    if (view === undefined || view.project !== project) throw new PlatformError('not_found', `no training "${id}"`);
    return view;
  }

  @Answers(calls.models)
  models(@Param('project') project: string, @Query() query: Readonly<Record<string, unknown>>) {
    const { limit = LIST_DEFAULT } = queryOf(calls.models, query);
    if (this.registry.project(project) === undefined) throw new PlatformError('not_found', `no project "${project}"`);
    return { models: this.registry.models(project).slice(-limit) };
  }

  @Answers(calls.model)
  model(@Param('project') project: string, @Param('version') version: string) {
    return this.registry.model(project, versionOf(version));
  }

  @Answers(calls.artifacts)
  async artifacts(@Param('project') project: string, @Param('version') version: string) {
    return { files: await this.packages.list(this.registry.model(project, versionOf(version)).packagePath) };
  }

  /**
   * Browsers and edge devices load tfjs/ and features.json from here, from any origin (libs/service artifact-headers).
   */
  @Answers(calls.artifact)
  async artifact(
    @Param('project') project: string,
    @Param('version') version: string,
    @Param('*') name: string,
    @Query() query: Readonly<Record<string, unknown>>,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res() reply: Reply,
  ): Promise<void> {
    // Errors too: a page of another origin could not read why.
    reply.headers({ 'access-control-allow-origin': '*' });
    const { sha256: wanted } = queryOf(calls.artifact, query);
    const { packagePath } = this.registry.model(project, versionOf(version));
    const { path, bytes, sha256, packageSha256 } = await this.packages.read(packagePath, name);
    if (wanted !== undefined && wanted !== sha256 && wanted !== packageSha256)
      throw new PlatformError('not_found', `${path} of ${project} version ${version} has another hash`);
    reply.headers(artifactHeaders({ path, sha256, pinned: wanted !== undefined }));
    if (isUnchanged(ifNoneMatch, sha256)) reply.code(304).send();
    else reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  @Options('v1/projects/:project/models/:version/artifacts/*')
  preflight(@Res() reply: Reply): void {
    reply.headers(artifactPreflightHeaders()).code(204).send();
  }

  @Answers(calls.workers)
  workers() {
    return { workers: this.coordinator.views() };
  }
}

function versionOf(text: string): number {
  const version = Number(text);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new PlatformError('invalid_argument', `"${text.slice(0, 40)}" is no version`);
  return version;
}
