// What is kept of a project's dataset versions and why, and the holds on them, by HTTP.

import { bodyOf, ingestApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import { Answers } from '@millrace/service';
import { Body, Controller, Inject, Param } from '@nestjs/common';
import { LiveStream } from '../datasets/live-stream.js';
import { ProjectRegistry } from '../projects/project-registry.js';
import { DatasetCollector } from '../retention/dataset-collector.js';
import { jsonObject } from './body.js';

const calls = ingestApi.endpoints;

@Controller()
export class RetentionController {
  constructor(
    @Inject(ProjectRegistry) private readonly registry: ProjectRegistry,
    @Inject(LiveStream) private readonly live: LiveStream,
    @Inject(DatasetCollector) private readonly collector: DatasetCollector,
  ) {}

  @Answers(calls.retention)
  retention(@Param('project') project: string) {
    const schema = this.registry.get(project);
    const fates = this.collector.fates(schema);
    return {
      datasets: schema.project.retention.datasets ?? null,
      hasModels: schema.project.retention.models !== undefined,
      versions: fates.map(({ version: { id, ordinal, source, rows, closedAtMs }, keptBy }) => ({
        ...{ id, ordinal, source, rows, closedAtMs, keptBy },
      })),
    };
  }

  @Answers(calls.collect)
  async collect(@Param('project') project: string) {
    this.registry.get(project);
    return { removed: await this.live.collect(project) };
  }

  @Answers(calls.holds)
  holds(@Param('project') project: string) {
    return { holds: this.live.holds(project) };
  }

  @Answers(calls.addHold)
  addHold(@Param('project') project: string, @Body() text: string) {
    const { dataset = '', model = 0, reason, by } = bodyOf(calls.addHold, jsonObject(text));
    // A hold on a name that is mistyped were in force, and protected nothing.
    this.registry.get(project);
    if (dataset !== '' && model > 0)
      throw new PlatformError('invalid_argument', 'a hold is on a dataset version or on a model version: make two');
    return this.live.addHold(project, { dataset, model, reason, by });
  }

  @Answers(calls.removeHold)
  removeHold(@Param('project') project: string, @Param('id') id: string, @Body() text: string) {
    const { reason, by } = bodyOf(calls.removeHold, jsonObject(text));
    return this.live.removeHold(project, id, reason, by);
  }
}
