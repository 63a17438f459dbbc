// The rpcs of inference.GRPCInferenceService beside inference: health, metadata, configuration, statistics, repository,
// trace and log settings. Shared memory answers UNIMPLEMENTED: a region of the client's machine is no way to a service
// of many.

import { type GRPCInferenceService, type inferencePb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { GrpcHandlers } from '@millrace/grpc';
import type { TensorSpec } from '@millrace/inference';
import { modelConfigMessage, statisticsMessage } from '../models/descriptions.js';
import type { ModelSet } from '../models/model-set.js';
import type { RepositoryControl } from '../models/repository-control.js';
import type { TraceSettings, TraceValues } from '../predict/trace-settings.js';
import type { StatisticsSource } from '../workers/statistics-source.js';
import { type LoadValue, loadParameters, namedModel, unloadParameters } from './load-parameters.js';
import { changeLogSettings, type LogControl, type LogSettings, type LogValue } from './log-settings.js';
import { SERVER_METADATA } from './server-metadata.js';

export interface V2Ports {
  models: ModelSet;
  repository: RepositoryControl;
  statistics: StatisticsSource;
  traces: TraceSettings;
  logs: LogControl;
  ready(): boolean;
}

export function sharedMemoryRefused(): PlatformError {
  return new PlatformError('unimplemented', 'shared memory is not supported: send tensors in the request');
}

function noSharedMemory(): never {
  throw sharedMemoryRefused();
}

function tensorMetadata(specs: readonly TensorSpec[]) {
  return specs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) }));
}

type Loaded = readonly [string, LoadValue][];

function repositoryParameters(parameters: Record<string, inferencePb.ModelRepositoryParameter>): Loaded {
  return Object.entries(parameters).map(([name, { parameterChoice }]) => [name, parameterChoice.value] as const);
}

export function v2Rpcs({
  models,
  repository,
  statistics,
  traces,
  logs,
  ready,
}: V2Ports): GrpcHandlers<typeof GRPCInferenceService> {
  return {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: ready() }),
    modelReady: async ({ name, version }) => ({ ready: ready() && (await statistics.isReady(name, version)) }),
    serverMetadata: () => ({ ...SERVER_METADATA, extensions: [...SERVER_METADATA.extensions] }),
    modelMetadata: ({ name, version }) => {
      const { metadata } = models.find(name, version);
      return {
        name,
        versions: models.versionsOf(name),
        platform: metadata.platform,
        inputs: tensorMetadata(metadata.inputs),
        outputs: tensorMetadata(metadata.outputs),
      };
    },
    modelConfig: ({ name, version }) => ({ config: modelConfigMessage(models.find(name, version).spec) }),
    modelStatistics: async ({ name, version }) => ({
      modelStats: (await statistics.select(name, version)).map(statisticsMessage),
    }),
    repositoryIndex: async ({ ready }) => ({ models: await models.repositoryIndex(ready) }),
    repositoryModelLoad: async ({ modelName, parameters }) => {
      await repository.load(namedModel(modelName), loadParameters(repositoryParameters(parameters)));
      return {};
    },
    repositoryModelUnload: async ({ modelName, parameters }) => {
      await repository.unload(namedModel(modelName), unloadParameters(repositoryParameters(parameters)));
      return {};
    },
    traceSetting: ({ modelName, settings }) => {
      // Throws for a model that nobody knows.
      if (modelName !== '') models.versionsOf(modelName);
      const changes = Object.entries(settings).map(([name, { value }]) => [name, value] as const);
      return traceAnswer(traces.change(modelName, changes));
    },
    logSettings: ({ settings }) =>
      logAnswer(
        changeLogSettings(
          logs,
          Object.entries(settings).map(([name, { parameterChoice }]): readonly [string, LogValue] => [
            name,
            parameterChoice.value,
          ]),
        ),
      ),
    systemSharedMemoryStatus: noSharedMemory,
    systemSharedMemoryRegister: noSharedMemory,
    systemSharedMemoryUnregister: noSharedMemory,
    cudaSharedMemoryStatus: noSharedMemory,
    cudaSharedMemoryRegister: noSharedMemory,
    cudaSharedMemoryUnregister: noSharedMemory,
  };
}

function traceAnswer(values: TraceValues) {
  const settings = Object.entries(values).map(([name, value]): [string, { value: string[] }] => [
    name,
    { value: [...value] },
  ]);
  return { settings: Object.fromEntries(settings) };
}

function logAnswer(settings: LogSettings) {
  const choice = (value: boolean | number | string) =>
    typeof value === 'boolean'
      ? ({ case: 'boolParam', value } as const)
      : typeof value === 'number'
        ? ({ case: 'uint32Param', value } as const)
        : ({ case: 'stringParam', value } as const);
  return {
    settings: Object.fromEntries(
      Object.entries(settings).map(([name, value]) => [name, { parameterChoice: choice(value) }] as const),
    ),
  };
}
