// Real worker processes against a coordinator in the test's own process.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '@millrace/config';
import { CollectiveService } from '@millrace/contracts';
import { commonSettings } from '@millrace/deployment';
import { seededRng, systemClock } from '@millrace/domain';
import { encodeRows, type FeaturePlan, fitPlan } from '@millrace/features';
import { buildNetwork, initialWeights, type Network } from '@millrace/models';
import { defineService, type RunningService } from '@millrace/service';
import { cloneRoot, eventually, freePort } from '@millrace/testing';
import { Collective, TICK_MS } from '../src/collective/collective.js';
import { COORDINATOR_DEFAULTS, Coordinator } from '../src/collective/coordinator.js';
import { CLOCK, RendezvousGrpc } from '../src/collective/rendezvous.grpc.js';
import { Duty } from '../src/duty/duty.js';
import type { EncodedRows } from '../src/training/batch.js';
import type { TrainSpec } from '../src/training/job.js';
import { JobFiles } from '../src/training/job-files.fs.js';

export function built(): string {
  const root = cloneRoot();
  execFileSync(process.execPath, [join(root, 'tools/setup/build.mjs')], { stdio: 'ignore' });
  return root;
}

export class WorkerGroup {
  readonly home = mkdtempSync(join(tmpdir(), 'millrace-trainer-'));
  readonly files = new JobFiles(this.home);
  readonly coordinator = new Coordinator({ ...COORDINATOR_DEFAULTS, gatherMs: 15_000 }, () => randomBytes(32));
  readonly collective = new Collective(this.coordinator, this.files, systemClock);
  private readonly processes = new Map<string, ChildProcess>();
  private readonly timer = setInterval(() => this.collective.tick(), TICK_MS);
  private server: RunningService | undefined;
  private grpcPort = 0;

  private constructor(private readonly root: string) {}

  static async start(workers: number): Promise<WorkerGroup> {
    const group = new WorkerGroup(built());
    const port = await freePort();
    group.grpcPort = port;
    const duty = new Duty();
    duty.chosen();
    group.server = await defineService({
      name: 'coordinator',
      settings: commonSettings,
      build: () => ({
        http: { port: 0 },
        grpc: { port, services: [CollectiveService] },
        controllers: [RendezvousGrpc],
        provide: [
          [Coordinator, group.coordinator],
          [CLOCK, systemClock],
          [Duty, duty],
        ],
      }),
    }).start();
    for (let i = 0; i < workers; i++) group.startWorker(`w${i}`);
    await group.joined(workers).catch(async (error) => {
      await group.stop();
      throw error;
    });
    return group;
  }

  startWorker(id: string): ChildProcess {
    const env = {
      ...environment(),
      MILLRACE_HOME: this.home,
      MILLRACE_WORKER_ID: id,
      MILLRACE_TRAINER_GRPC_PORT: String(this.grpcPort),
    };
    const child = spawn(process.execPath, [join(this.root, 'dist/services/trainer/src/worker.main.js')], {
      env,
      stdio: 'ignore',
    });
    this.processes.set(id, child);
    return child;
  }

  kill(id: string): void {
    this.processes.get(id)?.kill('SIGKILL');
    this.processes.delete(id);
  }

  async joined(count: number): Promise<void> {
    await eventually(`${count} workers`, () => this.coordinator.views().length === count, 60_000);
  }

  /** Runs a job on the first `workers` workers; returns what rank 0 wrote. */
  async run(
    id: string,
    workers: number,
    spec: Parameters<Collective['run']>[2],
    progress: (step: number) => void = () => undefined,
  ) {
    const outcome = await this.collective.run(id, workers, spec, progress);
    return { ...outcome, values: await this.files.readFloats(spec.resultPath) };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.coordinator.close(systemClock.nowMs());
    for (const child of this.processes.values()) child.kill('SIGKILL');
    await this.server?.stop();
    rmSync(this.home, { recursive: true, force: true });
  }
}

const PLAN: FeaturePlan = {
  inputs: [
    { name: 'a', type: 'text' },
    { name: 'b', type: 'integer' },
    { name: 'x', type: 'number' },
    { name: 'z', type: 'number' },
  ],
  features: [
    { kind: 'categorical', input: 'a', minCount: 1, vocabularyMax: 100, embedding: 4 },
    { kind: 'categorical', input: 'b', minCount: 1, vocabularyMax: 100, embedding: 3 },
    { kind: 'numeric', input: 'x', scaling: 'standard', missing: 'mean', clamp: true },
    { kind: 'numeric', input: 'z', scaling: 'none', period: 24, missing: 'mean', clamp: true },
    { kind: 'cross', inputs: ['a', 'b'], buckets: 50, embedding: 0 },
  ],
};

export interface Problem {
  network: Network;
  data: EncodedRows;
  initial: Float32Array;
}

/** A seeded problem with signal in categories, numbers and their cross. */
export function problem(rows: number, seed: number): Problem {
  const rng = seededRng(seed);
  const columns = { a: [] as string[], b: [] as number[], x: [] as number[], z: [] as number[] };
  const labels = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const a = rng.below(12);
    const b = rng.below(9);
    const x = rng.normal();
    const z = rng.next() * 24;
    columns.a.push(`a${a}`);
    columns.b.push(b);
    columns.x.push(x);
    columns.z.push(z);
    const logit = 0.4 * x + Math.sin((2 * Math.PI * z) / 24) + (a % 3) - 1 + ((a * b) % 5 === 0 ? 1 : 0) - 1;
    labels[i] = rng.next() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
  }
  const { plan } = fitPlan(PLAN, columns);
  const network = buildNetwork(plan, { kind: 'mlp', hidden: [16, 8], activation: 'relu' });
  const initial = initialWeights(network, 0.4, seededRng(seed + 1));
  return { network, initial, data: { width: plan.width, values: encodeRows(plan, columns), labels } };
}

/** A training of that problem in its own folder. */
export function trainSpec(
  files: JobFiles,
  name: string,
  { network, data, initial }: Problem,
  changes: Partial<TrainSpec> = {},
): TrainSpec {
  const folder = `trainings/${name}`;
  const initialPath = `${folder}/initial.bin`;
  return {
    kind: 'train',
    data: files.writeData(`${folder}/rows.bin`, data),
    network,
    optimizer: 'adam',
    learningRate: 0.01,
    finalLearningRateShare: 0.1,
    l2: 1e-5,
    dropout: 0,
    batchRows: 101,
    epochs: 2,
    seed: 3,
    initialWeights: { path: initialPath, sha256: files.writeFloats(initialPath, initial) },
    checkpoint: { folder: `${folder}/checkpoints`, everySteps: 10, generation: 0, keep: 2 },
    resume: null,
    resultPath: `${folder}/result.bin`,
    ...changes,
  };
}

const LEAK_SCRIPT = `
const [root, networkFile, steps] = process.argv.slice(1);
const { readFileSync } = await import('node:fs');
const { TensorFlowNetwork, liveTensors } = await import(root + '/dist/services/trainer/src/training/network.tf.js');
const { gatherBatch } = await import(root + '/dist/services/trainer/src/training/batch.js');
const { network, width, values, labels, initial } = JSON.parse(readFileSync(networkFile, 'utf8'));
const data = { width, values: Float32Array.from(values), labels: Float32Array.from(labels) };
const engine = new TensorFlowNetwork(network, Float32Array.from(initial));
const gradient = new Float32Array(network.size);
const rows = Uint32Array.from({ length: labels.length }, (_, i) => i);
const counts = [];
for (let step = 0; step < Number(steps); step++) {
  engine.gradient(gatherBatch(network, data, rows), gradient, { rate: 0.1, seedOf: (layer) => 1 + layer });
  engine.assign(gradient);
  counts.push(liveTensors());
}
engine.dispose();
process.stdout.write(JSON.stringify({ counts, after: liveTensors() }));
`;

/** Tensors alive after each step of a training in a process of its own, and after the engine is gone. */
export function tensorCounts(
  files: JobFiles,
  { network, data, initial }: Problem,
  steps: number,
): { counts: number[]; after: number } {
  const content = {
    network,
    width: data.width,
    values: [...data.values],
    labels: [...data.labels],
    initial: [...initial],
  };
  files.write('leak.json', Buffer.from(JSON.stringify(content)));
  const args = ['--input-type=module', '-e', LEAK_SCRIPT, cloneRoot(), files.absolute('leak.json'), String(steps)];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
}

const ONNX_SCRIPT = `
const [root, model, rows, width, out] = process.argv.slice(1);
const { readFileSync, writeFileSync } = await import('node:fs');
const { scoreOnnx } = await import(root + '/dist/services/trainer/src/packaging/scorer.onnx.js');
const bytes = readFileSync(rows);
const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
const scores = await scoreOnnx(readFileSync(model), values, Number(width));
writeFileSync(out, new Uint8Array(scores.buffer));
`;

/** Scores in a process of its own: ONNX Runtime does not know the typed arrays of jest's sandbox. */
export async function scoreOnnxApart(
  files: JobFiles,
  folder: string,
  model: Uint8Array,
  data: EncodedRows,
): Promise<Float32Array> {
  files.write(`${folder}/model.onnx`, model);
  files.writeFloats(`${folder}/values.bin`, data.values);
  const paths = ['model.onnx', 'values.bin', 'onnx-scores.bin'].map((name) => files.absolute(`${folder}/${name}`));
  const [modelPath, rowsPath, outPath] = paths as [string, string, string];
  const args = [
    '--input-type=module',
    '-e',
    ONNX_SCRIPT,
    cloneRoot(),
    modelPath,
    rowsPath,
    String(data.width),
    outPath,
  ];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
  return files.readFloats(`${folder}/onnx-scores.bin`);
}

export function sha256Of(values: Float32Array): string {
  return createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');
}
