// A repository folder that can be served: files, configuration, engines and models put together.

import { join } from 'node:path';
import type { Clock } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { openEngine } from '../engines/open-engine.process.js';
import type { ModelSpec } from '../models/model-spec.js';
import type { ModelRepository } from '../models/repository-models.js';
import type { ServedModel } from '../models/served-model.js';
import { createTensorModel, type TensorModelPorts } from '../models/tensor-model.js';
import { adaptedEngine } from '../runtime/adapted-engine.js';
import { tensorRuntimeFor } from '../runtime/tensor-runtimes.fs.js';
import { batchedBefore, completeSpec, ensembleSpec, type Labels, MAX_BATCH_SIZE_DEFAULT } from './auto-complete.js';
import { draftFromJson, draftFromText } from './model-draft.codec.js';
import type { VersionFolder } from './model-folder.js';
import { PlannedRepository } from './plan-model.js';
import { RepositoryFolder } from './repository-folder.fs.js';
import type { SpecDraft } from './spec-draft.js';

export interface ModelRepositorySettings {
  repository: string;
  /** Absolute; files of load requests are kept below it. */
  home: string;
  replica: string;
  modelBytesMax: number;
  queueRequestsMax: number;
  queueRowsMax: number;
  queueBytesMax: number;
}

export interface ModelRepositoryPorts extends TensorModelPorts {
  clock: Clock;
  /** A model made of others. */
  ensemble(spec: ModelSpec, version: number): ServedModel;
}

export function modelRepository(settings: ModelRepositorySettings, ports: ModelRepositoryPorts): ModelRepository {
  const log = logger('repository');
  const staging = join(settings.home, 'serving', `loaded-files-${settings.replica}`);
  const folder = new RepositoryFolder(settings.repository, staging, settings.modelBytesMax);
  const limits = {
    queueJobsMax: settings.queueRequestsMax,
    queueRowsMax: settings.queueRowsMax,
    queueBytesMax: settings.queueBytesMax,
  };

  const open = async (draft: SpecDraft, { version, folder: files }: VersionFolder, labels: Labels) => {
    const { name, backend, platform, parameters } = draft;
    const runtime = tensorRuntimeFor({ name, backend, platform, folder: files });
    const batched = batchedBefore(draft, runtime);
    const source = { name, version, folder: files, parameters, gpu: undefined, batched };
    const { engine, concurrency, places } = await openEngine(source, runtime, {
      // Nothing said: the engine is measured and placed.
      instanceGroups: draft.instanceGroups ?? [],
      maxBatchSize: draft.maxBatchSize ?? (batched ? MAX_BATCH_SIZE_DEFAULT : 0),
    });
    try {
      const completed = completeSpec(draft, engine, runtime, labels);
      const inside = places.every(({ kind }) => kind === 'inside');
      const spec: ModelSpec = draft.instanceGroups
        ? completed
        : { ...completed, instanceGroups: [{ kind: inside ? 'inside' : 'cpu', count: places.length, gpus: [] }] };
      const model = createTensorModel(spec, version, adaptedEngine(spec, engine), { ...limits, concurrency }, ports);
      await model.warmUp();
      return model;
    } catch (error) {
      await engine.close();
      throw error;
    }
  };

  const ensemble = async (draft: SpecDraft, version: number, labels: Labels) =>
    ports.ensemble(ensembleSpec(draft, labels), version);

  return new PlannedRepository({
    files: folder,
    draftFromText,
    draftFromJson,
    open,
    ensemble,
    log: (level, message, facts) => log[level](message, facts),
  });
}
