// Fills the pipeline's ports: rows from DuckDB, jobs on the workers, scores of ONNX Runtime, packages in the artifact
// store, announcements on Kafka.

import { createHash } from 'node:crypto';
import { type ArtifactStore, outlast } from '@millrace/artifacts';
import { encodeReferenceProfile } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { encodeRows, parsePlan } from '@millrace/features';
import type { Network } from '@millrace/models';
import type { Project } from '@millrace/project';
import { buildReferenceProfile } from '@millrace/statistics';
import type { Collective } from '../collective/collective.js';
import { OWN_FOLDER, placeInModel } from '../packaging/bound-package.js';
import { onnxGraph } from '../packaging/onnx-graph.js';
import { encodeOnnxModel } from '../packaging/onnx-model.codec.js';
import { scoreOnnx } from '../packaging/scorer.onnx.js';
import { boundOpponent } from '../registration/bound-opponent.js';
import type { ModelOpener } from '../registration/open-model.js';
import type { ModelRegistry } from '../registry/model-registry.js';
import type { Announcements } from '../registry/model-registry.kafka.js';
import { floatsOf } from '../training/floats.js';
import type { JobFiles } from '../training/job-files.fs.js';
import { readLabelledRows } from './dataset.duckdb.js';
import type { Opponent } from './evaluate.js';
import { folderOf } from './fit.js';
import type { LabelledRows } from './load.js';
import type { EarlierModel } from './plan.js';
import type { PublishPorts } from './publish.js';
import type { PipelinePorts } from './training-pipeline.js';

export interface PipelineParts {
  registry: ModelRegistry;
  store: ArtifactStore;
  files: JobFiles;
  collective: Collective;
  announcements: Announcements;
  /** Opens models that were trained elsewhere. */
  opener: ModelOpener;
  clock: Clock;
  log: PipelinePorts['log'];
}

const onnxOf = (network: Network, weights: Float32Array, name: string): Uint8Array =>
  encodeOnnxModel(onnxGraph(network, weights), name);

export function pipelinePorts(parts: PipelineParts): PipelinePorts {
  const { registry, store, files, collective, clock, log } = parts;
  return {
    rows: {
      versions: (project, ids) => ids.map((id) => registry.dataset(project, id)),
      read: async (project, datasetVersions, columns, hashSeed, which) => {
        const versions = datasetVersions.map((id) => registry.dataset(project, id));
        const files = await Promise.all(
          versions.map(async ({ id, kind, source, parquetPath, parquetSha256 }) => ({
            ...{ id, kind, source },
            path: await store.localFile(parquetPath, parquetSha256),
          })),
        );
        return readLabelledRows(project, files, columns, hashSeed, which);
      },
    },
    models: {
      earlier: (project, version) => earlierModel(parts, project, version),
      opponent: (project, version) => opponentOf(parts, project, version),
      inService: (project) => registry.inService(project),
      latestBlessed: (project) => registry.latestBlessed(project),
    },
    files,
    workers: collective,
    scorer: {
      score: (network, weights, encoded) =>
        scoreOnnx(onnxOf(network, weights, 'evaluation'), encoded, network.inputWidth),
    },
    publish: publishPorts(parts),
    clock,
    log,
  };
}

function publishPorts({ registry, store, files, collective, announcements, clock }: PipelineParts): PublishPorts {
  return {
    onnx: onnxOf,
    reference: (input) => encodeReferenceProfile(buildReferenceProfile(input)),
    scoreOnnx: (model, rows) => scoreOnnx(model, rows.values, rows.width),
    scoreTfjs: async (trainingId, tfjs, rows) => {
      const folder = folderOf(trainingId);
      for (const [path, bytes] of Object.entries(tfjs)) files.write(`${folder}/${path}`, Buffer.from(bytes as string));
      const resultPath = `${folder}/parity-scores.bin`;
      const data = files.writeData(`${folder}/parity-rows.bin`, rows);
      const spec = { kind: 'score' as const, data, model: `${folder}/tfjs/model.json`, resultPath };
      await collective.run(`${trainingId}-parity`, 1, spec, () => undefined);
      return files.readFloats(resultPath);
    },
    nextVersion: (project) => registry.nextVersion(project),
    // What was trained for hours is not lost for a store that is away for minutes.
    putFolder: async (path, contents) => {
      await announcements.refuseReplaced();
      return outlast(() => store.putFolder(path, contents), clock);
    },
    announce: async (version) => {
      await announcements.model(version);
      // The reader brings it as well; until then a next training must not take the same number.
      registry.setModel(version);
    },
    hash: (bytes) => {
      const hash = createHash('sha256');
      for (const part of bytes) hash.update(part);
      return hash.digest('hex');
    },
  };
}

async function earlierModel(
  { registry, store }: PipelineParts,
  project: string,
  version: number,
): Promise<EarlierModel | null> {
  const { packagePath, origin, labelRule } = registry.model(project, version);
  if (origin !== 'trained') return null;
  const text = async (path: string) => (await store.read(`${packagePath}/${path}`)).toString('utf8');
  const plan = parsePlan(await text('features.json'));
  const network = JSON.parse(await text('weights/network.json')) as Network;
  const weights = floatsOf(await store.read(`${packagePath}/weights/weights.bin`), 'weights/weights.bin');
  return { plan, network, weights, labelRule };
}

async function opponentOf(
  { registry, store, opener }: PipelineParts,
  name: string,
  version: number,
): Promise<Opponent> {
  const { packagePath, origin, labelRule } = registry.model(name, version);
  const text = async (path: string) => (await store.read(`${packagePath}/${path}`)).toString('utf8');
  if (origin !== 'trained') {
    const own = async () => {
      const paths = (await store.list(packagePath)).filter((path) => path.startsWith(OWN_FOLDER));
      return Promise.all(
        paths.map(async (path) => ({
          path: placeInModel(path),
          file: await store.localFile(`${packagePath}/${path}`),
        })),
      );
    };
    const bound = await boundOpponent(registry.project(name) as Project, version, { text, own }, opener);
    return { ...bound, labelRule };
  }
  const plan = parsePlan(await text('features.json'));
  const model = await store.read(`${packagePath}/model.onnx`);
  const score = ({ columns }: LabelledRows) => scoreOnnx(model, encodeRows(plan, columns), plan.width);
  return { version, labelRule, inputs: plan.inputs, servesScore: true, score };
}
