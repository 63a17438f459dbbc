// TrainingService (8021), proto millrace.training.v1, through Nest's gRPC transport.

import { create, fromBinary } from '@bufbuild/protobuf';
import { encodeModelVersion, encodeTrainingEvent, modelPb, type TrainingEvent, trainingPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { Observable } from 'rxjs';
import { ModelRegistry } from '../registry/model-registry.js';
import { TrainingRunner } from '../training/runner.js';

/** Watchers at once; more are refused. */
const WATCHERS_MAX = 128;

@Controller()
export class TrainingGrpc {
  private watching = 0;

  constructor(
    @Inject(TrainingRunner) private readonly runner: TrainingRunner,
    @Inject(ModelRegistry) private readonly registry: ModelRegistry,
  ) {}

  @GrpcMethod('TrainingService', 'startTraining')
  async startTraining(request: trainingPb.StartTrainingRequest) {
    const { $typeName: _type, $unknown: _unknown, reason, evaluateFromMs, seed, projectRevision, ...fields } = request;
    const trainingId = await this.runner.start({
      ...fields,
      trigger: reason,
      evaluateFromMs: Number(evaluateFromMs),
      seed: Number(seed),
      projectRevision: Number(projectRevision),
    });
    return { trainingId };
  }

  /** The last event at once, then each as it happens; ends with the training. */
  @GrpcMethod('TrainingService', 'watchTraining')
  watchTraining({ project, trainingId }: trainingPb.WatchTrainingRequest): Observable<unknown> {
    const view = this.runner.view(trainingId);
    if (view === undefined || view.project !== project)
      throw new PlatformError('not_found', `no training "${trainingId}"`);
    if (this.watching >= WATCHERS_MAX) throw new PlatformError('overloaded', 'too many watchers');
    return new Observable((watcher) => {
      this.watching++;
      const send = (update: TrainingEvent) =>
        watcher.next(create(trainingPb.WatchTrainingResponseSchema, { event: eventOf(update) }));
      const stop = this.runner.onUpdate((update) => {
        if (update.trainingId !== trainingId) return;
        send(update);
        if (update.event.kind === 'finished' || update.event.kind === 'failed') watcher.complete();
      });
      const { correlationId } = view.request;
      send({ project, trainingId, correlationId, atMs: view.changedAtMs, event: view.last });
      if (view.state === 'finished' || view.state === 'failed') watcher.complete();
      return () => {
        this.watching--;
        stop();
      };
    });
  }

  @GrpcMethod('TrainingService', 'listModelVersions')
  listModelVersions({ project }: trainingPb.ListModelVersionsRequest) {
    const models = this.registry.models(project);
    return { versions: models.map((model) => fromBinary(modelPb.ModelVersionSchema, encodeModelVersion(model))) };
  }
}

function eventOf(update: TrainingEvent) {
  return fromBinary(trainingPb.TrainingEventSchema, encodeTrainingEvent(update));
}
