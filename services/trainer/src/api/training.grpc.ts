// TrainingService on 8021, beside CollectiveService on the same server.

import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  encodeModelVersion,
  encodeTrainingEvent,
  modelPb,
  type TrainingEvent,
  TrainingService,
  trainingPb,
} from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { bindService, type GrpcServiceBinding } from '@millrace/grpc';
import type { ModelRegistry } from '../registry/model-registry.js';
import type { TrainingRunner } from '../training/runner.js';

/** Watchers at once; more are refused. */
const WATCHERS_MAX = 128;

export function trainingService(runner: TrainingRunner, registry: ModelRegistry): GrpcServiceBinding {
  let watching = 0;
  return bindService(TrainingService, {
    startTraining: async (request) => {
      const { $typeName: _type, $unknown: _unknown, reason, evaluateFromMs, seed, ...fields } = request;
      const trainingId = await runner.start({
        ...fields,
        trigger: reason,
        evaluateFromMs: Number(evaluateFromMs),
        seed: Number(seed),
      });
      return { trainingId };
    },
    watchTraining: (call) => {
      const { project, trainingId } = call.request;
      const view = runner.view(trainingId);
      if (view === undefined || view.project !== project || watching >= WATCHERS_MAX) {
        const reason = watching >= WATCHERS_MAX ? 'too many watchers' : `no training "${trainingId}"`;
        call.destroy(new PlatformError(watching >= WATCHERS_MAX ? 'overloaded' : 'not_found', reason));
        return;
      }
      watching++;
      const send = (update: TrainingEvent) =>
        call.write(create(trainingPb.WatchTrainingResponseSchema, { event: eventOf(update) }));
      const stop = runner.onUpdate((update) => {
        if (update.trainingId !== trainingId) return;
        send(update);
        if (update.event.kind === 'finished' || update.event.kind === 'failed') end();
      });
      let over = false;
      const end = () => {
        if (over) return;
        over = true;
        watching--;
        stop();
        call.end();
      };
      call.on('cancelled', end);
      call.on('close', end);
      send({
        project,
        trainingId,
        correlationId: view.request.correlationId,
        atMs: view.changedAtMs,
        event: view.last,
      });
      if (view.state === 'finished' || view.state === 'failed') end();
    },
    listModelVersions: ({ project }): MessageInitShape<typeof trainingPb.ListModelVersionsResponseSchema> => ({
      versions: registry
        .models(project)
        .map((model) => fromBinary(modelPb.ModelVersionSchema, encodeModelVersion(model))),
    }),
  });
}

function eventOf(update: TrainingEvent) {
  return fromBinary(trainingPb.TrainingEventSchema, encodeTrainingEvent(update));
}
