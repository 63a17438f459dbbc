// What is kept of a project's model versions and why, by HTTP.

import { trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Controller, Inject, Param } from '@nestjs/common';
import { ModelRegistry } from '../registry/model-registry.js';
import { ModelCollector } from '../retention/model-collector.js';

const calls = trainerApi.endpoints;

@Controller()
export class RetentionHttp {
  constructor(
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
    @Inject(ModelCollector) private readonly collector: ModelCollector,
  ) {}

  @Answers(calls.retention)
  async retention(@Param('project') project: string) {
    const models = this.rulesOf(project);
    const versions = models === null ? this.collector.fates(project) : await this.collector.fatesNow(project);
    return {
      models,
      versions: versions.map(({ item: { version, createdAtMs, blessed }, keptBy }) => ({
        ...{ version, createdAtMs, blessed, keptBy },
      })),
    };
  }

  @Answers(calls.collect)
  async collect(@Param('project') project: string) {
    if (this.rulesOf(project) === null) return { removed: 0 };
    // By what is written now, not by what was read of it.
    await this.collector.fatesNow(project);
    return { removed: await this.collector.collectAll(project) };
  }

  private rulesOf(project: string) {
    const known = this.registry.project(project);
    if (known === undefined) throw new PlatformError('not_found', `no project "${project}"`);
    return known.retention.models ?? null;
  }
}
