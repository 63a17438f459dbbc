// A repository folder that can be served: files, configuration, engines and models put together.

import { join } from 'node:path';
import { logger } from '@millrace/telemetry';
import { folderHash } from '../cache/content-hash.fs.js';
import type { ModelSpec } from '../declaration/model-spec.js';
import { openEngine } from '../engines/open-engine.process.js';
import { createEnsembleModel, type EnsemblePorts } from '../models/ensemble-model.js';
import type { ModelRepository } from '../models/repository-models.js';
import { createTensorModel, type TensorModelPorts } from '../models/tensor-model.js';
import { adaptedEngine } from '../runtime/adapted-engine.js';
import { tensorRuntimeFor } from '../runtime/tensor-runtimes.fs.js';
import { batchedBefore, completeSpec, ensembleSpec, type Labels } from './auto-complete.js';
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
  retireMaxMs: number;
}

export interface ModelRepositoryPorts extends TensorModelPorts {
  /** For ensembles, whose steps may be packages too. */
  find: EnsemblePorts['find'];
}

/** Model names of a folder; throws not_found, invalid_argument or permission_denied where it is no readable folder. */
export function listModels(repository: string): Promise<string[]> {
  return new RepositoryFolder(repository, '', 0).names();
}

export function modelRepository(settings: ModelRepositorySettings, ports: ModelRepositoryPorts): ModelRepository {
  const log = logger('repository');
  const staging = join(settings.home, 'serving', `loaded-files-${settings.replica}`);
  const folder = new RepositoryFolder(settings.repository, staging, settings.modelBytesMax);
  folder.clearStaging();
  const limits = {
    queueJobsMax: settings.queueRequestsMax,
    queueRowsMax: settings.queueRowsMax,
    queueBytesMax: settings.queueBytesMax,
    drainMaxMs: settings.retireMaxMs,
  };

  const open = async (draft: SpecDraft, { version, folder: files }: VersionFolder, labels: Labels) => {
    const { name, backend, platform, parameters } = draft;
    const runtime = tensorRuntimeFor({ name, backend, platform, folder: files });
    const batched = batchedBefore(draft, runtime);
    const source = { name, version, folder: files, parameters, gpu: undefined, batched };
    const { engine, concurrency, groups } = await openEngine(source, runtime, draft);
    try {
      const spec = { ...completeSpec(draft, engine, runtime, labels), instanceGroups: groups };
      const own = { ...ports, cache: await cacheOf(spec, files) };
      const model = createTensorModel(spec, version, adaptedEngine(spec, engine), { ...limits, concurrency }, own);
      await model.warmUp();
      return model;
    } catch (error) {
      await engine.close();
      throw error;
    }
  };

  /**
   * Answers are shared between processes by what they come from: the files, and the configuration but where it runs and
   * what warms it.
   */
  const cacheOf = async (spec: ModelSpec, files: string): Promise<TensorModelPorts['cache']> => {
    const { cache } = ports;
    if (!cache?.shared || !spec.responseCache) return cache;
    return { ...cache, identity: await folderHash(JSON.stringify({ ...spec, instanceGroups: [], warmUp: [] }), files) };
  };

  const ensemble = async (draft: SpecDraft, version: number, labels: Labels) => {
    const { clock, find, after } = ports;
    const { queueRequestsMax: requestsMax, retireMaxMs: drainMaxMs } = settings;
    const spec = ensembleSpec(draft, labels);
    const model = createEnsembleModel(spec, version, { clock, find, after, requestsMax, drainMaxMs });
    await model.warmUp();
    return model;
  };

  return new PlannedRepository({
    files: folder,
    draftFromText,
    draftFromJson,
    open,
    ensemble,
    log: (level, message, facts) => log[level](message, facts),
  });
}
