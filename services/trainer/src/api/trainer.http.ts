// The trainer's HTTP API: trainings, model versions and their artifacts, workers.

import type { ModelVersion } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { artifactHeaders, artifactPreflightHeaders, isUnchanged } from '@millrace/service';
import { Body, Controller, Get, Headers, HttpCode, Inject, Options, Param, Post, Query, Res } from '@nestjs/common';
import { Coordinator, type WorkerView } from '../collective/coordinator.js';
import { ModelRegistry } from '../registry/model-registry.js';
import { PackageFiles } from '../registry/package-files.js';
import { TrainingRunner, type TrainingView } from '../training/runner.js';
import { parseStartTraining } from './start-training.js';

interface Reply {
  headers(values: Record<string, string>): Reply;
  code(status: number): Reply;
  send(body?: unknown): unknown;
}

/** Versions in one answer. */
const LIST_MAX = 1_000;

@Controller('v1')
export class TrainerHttp {
  constructor(
    @Inject(TrainingRunner) private readonly runner: TrainingRunner,
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
    @Inject(Coordinator) private readonly coordinator: Coordinator,
    @Inject(PackageFiles) private readonly packages: PackageFiles,
  ) {}

  @Post('projects/:project/trainings')
  @HttpCode(200)
  async start(@Param('project') project: string, @Body() body: unknown): Promise<{ trainingId: string }> {
    return { trainingId: await this.runner.start(parseStartTraining(project, body)) };
  }

  @Get('projects/:project/trainings')
  trainings(@Param('project') project: string): { trainings: TrainingView[] } {
    return { trainings: this.runner.list(project) };
  }

  @Get('projects/:project/trainings/:id')
  training(@Param('project') project: string, @Param('id') id: string): TrainingView {
    const view = this.runner.view(id);
    if (view === undefined || view.project !== project) throw new PlatformError('not_found', `no training "${id}"`);
    return view;
  }

  @Get('projects/:project/models')
  models(@Param('project') project: string, @Query('limit') limit = '100'): { models: ModelVersion[] } {
    if (this.registry.project(project) === undefined) throw new PlatformError('not_found', `no project "${project}"`);
    const count = Math.min(Math.max(Number(limit) || 100, 1), LIST_MAX);
    return { models: this.registry.models(project).slice(-count) };
  }

  @Get('projects/:project/models/:version')
  model(@Param('project') project: string, @Param('version') version: string): ModelVersion {
    return this.registry.model(project, versionOf(version));
  }

  @Get('projects/:project/models/:version/artifacts')
  async artifacts(
    @Param('project') project: string,
    @Param('version') version: string,
  ): Promise<{ files: readonly string[] }> {
    return { files: await this.packages.list(this.registry.model(project, versionOf(version)).packagePath) };
  }

  /** Browsers and edge devices load tfjs/ and features.json from here, from any origin (libs/service artifact-headers). */
  @Get('projects/:project/models/:version/artifacts/*')
  async artifact(
    @Param('project') project: string,
    @Param('version') version: string,
    @Param('*') name: string,
    @Query('sha256') wanted: string | undefined,
    @Headers('if-none-match') ifNoneMatch: string | undefined,
    @Res() reply: Reply,
  ): Promise<void> {
    // Errors too: a page of another origin could not read why.
    reply.headers({ 'access-control-allow-origin': '*' });
    const { packagePath } = this.registry.model(project, versionOf(version));
    const { path, bytes, sha256, packageSha256 } = await this.packages.read(packagePath, name);
    if (wanted !== undefined && wanted !== sha256 && wanted !== packageSha256)
      throw new PlatformError('not_found', `${path} of ${project} version ${version} has another hash`);
    reply.headers(artifactHeaders({ path, sha256, pinned: wanted !== undefined }));
    if (isUnchanged(ifNoneMatch, sha256)) reply.code(304).send();
    else reply.send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  @Options('projects/:project/models/:version/artifacts/*')
  preflight(@Res() reply: Reply): void {
    reply.headers(artifactPreflightHeaders()).code(204).send();
  }

  @Get('workers')
  workers(): { workers: WorkerView[] } {
    return { workers: this.coordinator.views() };
  }
}

function versionOf(text: string): number {
  const version = Number(text);
  if (!Number.isSafeInteger(version) || version < 1)
    throw new PlatformError('invalid_argument', `"${text.slice(0, 40)}" is no version`);
  return version;
}
