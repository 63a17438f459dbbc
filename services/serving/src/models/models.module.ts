// Wiring of the models: packages of the platform, the repository's models, and what their answers are looked up and
// kept in.

import { RequestIds, seededRng, type Task } from '@millrace/domain';
import type { ServiceContext } from '@millrace/service';
import { counter, gauge } from '@millrace/telemetry';
import { contentHash } from '../cache/content-hash.fs.js';
import { ResponseCache } from '../cache/response-cache.js';
import { RedisResponses } from '../cache/shared-responses.redis.js';
import type { ServingConfig } from '../config.js';
import type { InstanceGroup } from '../declaration/model-spec.js';
import { folderBytes } from '../engines/folder-bytes.fs.js';
import { openEngine } from '../engines/open-engine.process.js';
import { ownModelBounds } from '../engines/own-model-bounds.js';
import { onlineFeatures } from '../online/online-features.redis.js';
import { loadPackage, type OwnPackage, type PackageFiles, type TrainedPackage } from '../packages/package-loader.js';
import { modelRepository } from '../repository/model-repository.process.js';
import { onnxRuntime } from '../runtime/onnx-runtime.onnx.js';
import { tensorRuntimeFor } from '../runtime/tensor-runtimes.fs.js';
import { BoundRows } from './bound-rows.js';
import { EncodedRows, type EncodedRowsLimits } from './encoded-rows.js';
import { ModelSet } from './model-set.js';
import type { ModelRepository } from './repository-models.js';
import type { RowModel } from './row-model.js';
import type { ApartOutcome } from './run-apart.js';
import { type AnsweredBatch, ServedVersion } from './served-version.js';
import { headOf } from './task-head.js';
import type { TensorModelPorts } from './tensor-model.js';

/** In the order of preference. */
const RUNTIMES = [onnxRuntime];

const OWN_PLACE: readonly InstanceGroup[] = [{ kind: 'cpu', count: 1, gpus: [] }];

type Context = ServiceContext<ServingConfig>;

export function modelSet(context: Context, files: PackageFiles, answered: (answer: AnsweredBatch) => void): ModelSet {
  const { config, clock, log, shutdown } = context;
  const shared = sharedResponses(context);
  const online = onlineFeatures(config, clock);
  shutdown.onClose('online features', () => online.close());
  const wrong = counter('millrace.serving.wrong_answers');
  const apart = counter('millrace.serving.requests_apart');
  const ranApart = (model: string, outcome: ApartOutcome) => apart.add(1, { model, outcome });
  const ids = new RequestIds(seededRng(clock.nowMs() ^ process.pid));
  const ports = {
    clock,
    soon: (work: () => void) => void setImmediate(work),
    nextRequestId: () => ids.next(),
    answered,
    online,
    wrongAnswer: (name: string) => wrong.add(1, { model: name }),
    ranApart,
  };
  const limits = {
    batchRowsMax: config.batchRowsMax,
    requestRowsMax: config.requestRowsMax,
    queueJobsMax: config.queueRequestsMax,
    queueRowsMax: config.queueRowsMax,
    concurrency: 1,
  };
  const models: ModelSet = new ModelSet({
    load: async (project, version, spec) => {
      const loaded = await loadPackage(files, RUNTIMES, project, version);
      const { inputs, manifest } = loaded;
      const head = headOf(manifest.task);
      const { model, concurrency } = await rowModelOf(loaded, head.task, limits, config);
      const facts = { project, version, modelSha256: manifest.modelSha256, inputs, model, head };
      const served = new ServedVersion(facts, spec, { ...limits, concurrency }, ports);
      await served.warmUp();
      return served;
    },
    // Models are not looked up before the set is there: an ensemble is loaded by it.
    repository: repository(context, shared, ranApart, (name, version) => models.find(name, version)),
    log: (level, message, facts) => log[level](message, facts),
    later: (delayMs, work) => void setTimeout(work, delayMs).unref(),
    changed: () => {},
  });
  gauge('millrace.serving.models_ready').observe(() => [...models.served()].length);
  return models;
}

/**
 * `concurrency`: batches that keep its engine busy. What Millrace trained runs in this process: it is a network that
 * the trainer wrote, of operators whose work depends on the number of rows alone. What somebody else made may do
 * anything at some later row, however quick it was on others, so it never does.
 */
async function rowModelOf(
  loaded: TrainedPackage | OwnPackage,
  task: Task,
  limits: EncodedRowsLimits,
  config: ServingConfig,
): Promise<{ model: RowModel; concurrency: number }> {
  if (loaded.kind === 'trained') {
    const { plan, runtime } = loaded;
    const engine = await runtime.load(loaded.model);
    return { model: new EncodedRows(runtime.platform, plan, engine, limits), concurrency: limits.concurrency };
  }
  const { manifest, inputs, binding, folder } = loaded;
  const { project: name, version } = manifest;
  const runtime = tensorRuntimeFor({ name, backend: '', platform: '', folder });
  const source = { name, version, folder, parameters: {}, gpu: undefined, batched: true };
  const wishes = { instanceGroups: OWN_PLACE, maxBatchSize: limits.batchRowsMax };
  const { engine, concurrency } = await openEngine(
    source,
    runtime,
    wishes,
    ownModelBounds(config, folderBytes(folder)),
  );
  return { model: new BoundRows(runtime.platform, inputs, binding, task, engine), concurrency };
}

/** undefined: answers are not shared between processes. */
function sharedResponses({ config, log, shutdown }: Context): RedisResponses | undefined {
  if (config.responseCacheSharedMs === 0) return undefined;
  if (config.standalone) {
    log.warn('answers are cached in this process only: what serves a folder alone does without Redis', {
      setting: 'MILLRACE_SERVING_CACHE_SHARED',
    });
    return undefined;
  }
  const shared = new RedisResponses(config.redisUrl, config.responseCacheSharedMs);
  shutdown.onClose('shared answers', () => shared.close());
  return shared;
}

function repository(
  { config, clock }: Context,
  shared: RedisResponses | undefined,
  ranApart: NonNullable<TensorModelPorts['ranApart']>,
  find: ModelSet['find'],
): ModelRepository | undefined {
  if (config.repository === '') return undefined;
  return modelRepository(config, {
    clock,
    soon: (work) => void setImmediate(work),
    after: (delayMs, work) => {
      const timer = setTimeout(work, delayMs);
      return () => clearTimeout(timer);
    },
    cache: { responses: new ResponseCache(config.responseCacheBytes), digest: contentHash, shared, identity: '' },
    ranApart,
    find,
  });
}
