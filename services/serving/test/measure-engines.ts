// What a trip to an engine process costs, and what it saves: the figures of services/serving/README.md. By hand, on a
// built tree: node dist/services/serving/test/measure-engines.js

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@millrace/domain';
import { NO_PARAMETERS, Tensor } from '@millrace/inference';
import { cloneRoot } from '@millrace/testing';
import type { InstanceGroup } from '../src/declaration/model-spec.js';
import { type OpenSettings, openEngine } from '../src/engines/open-engine.process.js';
import { ownModelBounds } from '../src/engines/own-model-bounds.js';
import { SharedBuffer } from '../src/engines/shared-buffer.js';
import { moduleRuntime } from '../src/runtime/module-runtime.fs.js';
import { onnxTensorRuntime } from '../src/runtime/onnx-tensors.onnx.js';
import type { EngineCall, TensorEngine } from '../src/runtime/tensor-engine.js';
import { mlpWeights, onnxOf } from './onnx-fixture.js';

const SPINNER = `export default () => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'X', datatype: 'FP32', shape: [-1] }],
  run({ X }) {
    for (const end = performance.now() + 20; performance.now() < end; );
    return { X: { shape: X.shape, data: X.data } };
  },
});
`;
const CALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
const INSIDE: InstanceGroup = { kind: 'inside', count: 1, gpus: [] };
const processes = (count: number): InstanceGroup => ({ kind: 'cpu', count, gpus: [] });

const home = mkdtempSync(join(tmpdir(), 'measure-engines-'));
const now = () => systemClock.monotonicMs();
const say = (...parts: string[]) => process.stdout.write(`${parts.join('  ')}\n`);

function write(name: string, file: string, content: string | Uint8Array): string {
  const folder = join(home, name, '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), content);
  return folder;
}

async function open(
  folder: string,
  group: InstanceGroup,
  parameters: Record<string, string> = {},
  settings: Partial<OpenSettings> = {},
) {
  const source = { name: 'm', version: 1, folder, parameters, gpu: undefined, batched: true };
  const runtime = folder.includes('onnx') ? onnxTensorRuntime : moduleRuntime;
  return openEngine(source, runtime, { instanceGroups: [group], maxBatchSize: 64 }, settings);
}

/** One call after the other. */
async function series(engine: TensorEngine, input: Tensor, count: number): Promise<string> {
  for (let i = 0; i < count / 5; i++) await engine.run([input], CALL);
  const us: number[] = [];
  const startMs = now();
  for (let i = 0; i < count; i++) {
    const sentMs = now();
    await engine.run([input], CALL);
    us.push((now() - sentMs) * 1000);
  }
  const rate = (count / (now() - startMs)) * 1000;
  us.sort((a, b) => a - b);
  const at = (share: number) => (us[Math.floor(us.length * share)] as number).toFixed(0);
  return `p50 ${at(0.5)} µs, p99 ${at(0.99)} µs, ${rate.toFixed(0)}/s`;
}

const floats = (name: string, rows: number, width: number) =>
  Tensor.of(name, 'FP32', [rows, width], new Float32Array(rows * width).fill(0.3));
const examples = join(cloneRoot(), 'examples/model-repository');

say('load average', readFileSync('/proc/loadavg', 'utf8').trim());
const onnx = write('onnx', 'model.onnx', onnxOf(mlpWeights(8, [64, 64], 3)));
const small = (await open(onnx, INSIDE)).engine;
const away = (await open(onnx, processes(1))).engine;
const declared = small.inputs[0] as { name: string };
for (const rows of [1, 64, 1, 64]) {
  const input = floats(declared.name, rows, 8);
  say(`8-64-64-1 ONNX, ${rows} rows`, `inside: ${await series(small, input, 10_000)}`);
  say(`8-64-64-1 ONNX, ${rows} rows`, `process: ${await series(away, input, 5_000)}`);
}
await away.close();

// What a registered model pays for a process of its own: forest.onnx is 30 trees of two numbers.
const own = write(
  'onnx-own',
  'model.onnx',
  readFileSync(join(cloneRoot(), 'services/serving/test/own-models/forest.onnx')),
);
const { limits, restarts, dataBytesMax } = ownModelBounds(
  { ownModelMemoryBytes: 2_147_483_648, ownModelCallMaxMs: 30_000 },
  0,
);
const trees = (await open(own, INSIDE)).engine;
const bounded = (await open(own, processes(1), {}, { limits, restarts, dataBytesMax })).engine;
for (const rows of [1, 64, 1, 64]) {
  const input = floats('X', rows, 2);
  say(`own model of 30 trees, ${rows} rows`, `inside: ${await series(trees, input, 5_000)}`);
  say(`own model of 30 trees, ${rows} rows`, `process: ${await series(bounded, input, 5_000)}`);
}
await trees.close();
await bounded.close();

const identity = (await open(join(examples, 'identity/1'), processes(1))).engine;
const { place } = SharedBuffer.prototype;
for (const kib of [16, 64, 256, 1024, 4096]) {
  const input = floats('INPUT0', 1, kib * 256);
  const count = kib >= 1024 ? 150 : 500;
  say(`identity, ${kib} KiB`, await series(identity, input, count));
  // Of the request only; the answer's side is the engine process's own.
  SharedBuffer.prototype.place = () => false;
  say(`identity, ${kib} KiB, request over the pipe`, await series(identity, input, count));
  SharedBuffer.prototype.place = place;
}
await identity.close();

for (const count of [1, 2]) {
  const { engine, concurrency } = await open(join(examples, 'delay/1'), processes(count), { delay_ms: '5' });
  const input = floats('INPUT0', 1, 8);
  let answered = 0;
  const startMs = now();
  const shared = async () => {
    for (; now() < startMs + 3_000; answered++) await engine.run([input], CALL);
  };
  await Promise.all(Array.from({ length: concurrency }, shared));
  say(`delay of 5 ms, ${count} engine process(es)`, `${((answered / (now() - startMs)) * 1000).toFixed(0)}/s`);
  await engine.close();
}

const spin = write('spin', 'model.js', SPINNER);
const one = floats(declared.name, 1, 8);
say('small inside, alone', await series(small, one, 20_000));
for (const niceness of [0, 5, 10, 0, 5, 10]) {
  const { engine } = await open(spin, processes(2), {}, { niceness });
  let on = true;
  let calls = 0;
  const shared = async () => {
    for (; on; calls++) await engine.run([floats('X', 1, 1)], CALL);
  };
  const startMs = now();
  const lanes = [shared(), shared()];
  const beside = await series(small, one, 50_000);
  const rate = (calls / (now() - startMs)) * 1000;
  on = false;
  await Promise.all(lanes);
  await engine.close();
  say(`small inside beside two busy engine processes at nice ${niceness}`, beside, `they: ${rate.toFixed(0)}/s`);
}
await small.close();
rmSync(home, { recursive: true, force: true });
