// Engine processes as they are: real children of the built code, killed, hung, blocked and left behind.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlatformError } from '@millrace/domain';
import { NO_PARAMETERS, Tensor } from '@millrace/inference';
import type { Logger } from '@millrace/telemetry';
import { cloneRoot, eventually } from '@millrace/testing';
import type { InstanceGroup } from '../src/declaration/model-spec.js';
import { ENGINE_LIMITS } from '../src/engines/engine-client.js';
import { type OpenedEngine, type OpenSettings, openEngine } from '../src/engines/open-engine.process.js';
import { moduleRuntime } from '../src/runtime/module-runtime.fs.js';
import { onnxTensorRuntime } from '../src/runtime/onnx-tensors.onnx.js';
import type { EngineCall, ModelSource } from '../src/runtime/tensor-engine.js';
import { mlpWeights, onnxOf } from './onnx-fixture.js';
import { buildOnce } from './serving-process.js';

const HOST = join(cloneRoot(), 'dist/services/serving/src/engines/engine-host.main.js');
const CALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };

/**
 * Does what X[0] says: 1 dies by signal, 2 throws, 3 loops for ever, 4 holds the thread for X[1] ms, 5 waits until X[1]
 * calls are inside it at once (over all processes of the model), 6 prints, 7 ends with an error nobody catches. Answers
 * with its process.
 */
const OBEDIENT = `
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
let calls = 0;
export default ({ folder }) => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1] }],
  outputs: [
    { name: 'PID', datatype: 'INT32', shape: [1] },
    { name: 'GPU', datatype: 'BYTES', shape: [1] },
    { name: 'BYTES', datatype: 'FP32', shape: [-1] },
  ],
  async run({ X }) {
    const [what, value] = X.data;
    if (what === 1) process.kill(process.pid, 'SIGKILL');
    if (what === 2) throw new Error('a bad day');
    if (what === 3) for (;;);
    if (what === 4) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, value);
    if (what === 5) {
      writeFileSync(join(folder, 'inside-' + process.pid + '-' + ++calls), '');
      while (readdirSync(folder).filter((file) => file.startsWith('inside-')).length < value) await new Promise(setImmediate);
    }
    if (what === 6) console.error('said by the model');
    if (what === 7) { setImmediate(() => { throw new Error('nobody catches this'); }); await new Promise(() => {}); }
    const one = (datatype, data) => ({ datatype, shape: [X.shape[0], 1], data });
    return {
      PID: one('INT32', Int32Array.of(process.pid)),
      GPU: one('BYTES', [process['env'].CUDA_VISIBLE_DEVICES ?? '']),
      BYTES: { shape: X.shape, data: X.data },
    };
  },
});
`;

const home = mkdtempSync(join(tmpdir(), 'engines-'));
const opened: OpenedEngine[] = [];
const lines: string[] = [];
const note = (message: string, facts?: object): void => {
  lines.push(`${message} ${JSON.stringify(facts ?? {})}`);
};
const log: Logger = { error: note, warn: note, info: note, debug: note };

let models = 0;
function source(text = OBEDIENT, parameters: Record<string, string> = {}): ModelSource {
  const folder = join(home, `model-${++models}`, '1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.js'), text);
  return { name: `model-${models}`, version: 1, folder, parameters, gpu: undefined, batched: true };
}

async function open(
  model: ModelSource,
  instanceGroups: readonly InstanceGroup[] = [],
  settings: Partial<OpenSettings> = {},
) {
  const runtime = model.parameters.onnx ? onnxTensorRuntime : moduleRuntime;
  const found = await openEngine(
    model,
    runtime,
    { instanceGroups, maxBatchSize: 64 },
    { hostScript: HOST, log, ...settings },
  );
  opened.push(found);
  return found;
}

const x = (values: Float32Array) => Tensor.of('X', 'FP32', [1, values.length], values);
const ask = ({ engine }: OpenedEngine, ...values: number[]) => engine.run([x(Float32Array.from(values))], CALL);
const pidOf = async (found: OpenedEngine) =>
  (await ask(found, 0)).find(({ name }) => name === 'PID')?.number(0) as number;
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: PlatformError) => error.code,
  );
const lives = (pid: number) => {
  try {
    // A zombie has ended, too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const process1 = [{ kind: 'cpu' as const, count: 1, gpus: [] }];

describe('engine processes', () => {
  beforeAll(() => buildOnce());

  afterAll(async () => {
    await Promise.all(opened.map(({ engine }) => engine.close()));
    rmSync(home, { recursive: true, force: true });
  });

  it('that are killed refuse the calls in flight, come back and are closed without a trace', async () => {
    const found = await open(source(), process1);
    const first = await pidOf(found);
    expect(await codeOf(ask(found, 2))).toBe('internal');
    const inFlight = [codeOf(ask(found, 5, 2)), codeOf(ask(found, 1))];
    expect(await Promise.all(inFlight)).toEqual(['unavailable', 'unavailable']);
    await eventually('they are counted', () => lines.some((line) => line.includes('"lost":2')));
    const second = await eventually('the engine is back', () => pidOf(found).catch(() => 0));
    expect(second).not.toBe(first);
    await found.engine.close();
    expect([lives(first), lives(second)]).toEqual([false, false]);
  });

  it('bring what the model prints and why it ended to the log', async () => {
    const found = await open(source(), process1);
    await ask(found, 6);
    await eventually('its line', () => lines.some((line) => line.includes('said by the model')));
    await expect(ask(found, 7)).rejects.toThrow('exit code 1');
    const ended = () => lines.find((line) => line.startsWith('engine process ended') && line.includes('exit code 1'));
    expect(await eventually('why it ended', ended)).toContain('nobody catches this');
  });

  it('that hang are killed', async () => {
    const found = await open(source(), process1, { limits: { ...ENGINE_LIMITS, silenceMaxMs: 300 } });
    const pid = await pidOf(found);
    await expect(ask(found, 3)).rejects.toThrow('gave no answer for');
    expect(lives(pid)).toBe(false);
  });

  it('refuse a model that cannot be loaded, with its own words', async () => {
    await expect(open(source('export default () => { throw new Error("no licence"); };'))).rejects.toThrow(
      'no licence',
    );
    await expect(open(source('process.exit(3);'), process1)).rejects.toThrow('[unavailable]');
  });

  it('hold nothing but themselves while a model holds its thread', async () => {
    const small = await open(source(), [{ kind: 'inside', count: 1, gpus: [] }]);
    const neighbour = await open(source(), process1);
    const slow = await open(source(), process1);
    let over = false;
    const held = ask(slow, 4, 500).then(() => {
      over = true;
    });
    let answered = 0;
    for (; answered < 100 && !over; answered++) {
      await ask(small, 0);
      await ask(neighbour, 0);
    }
    expect([answered, over]).toEqual([100, false]);
    await held;
  });

  it('have two calls at once in two instances', async () => {
    const found = await open(source(), [{ kind: 'cpu', count: 2, gpus: [] }]);
    expect(found.concurrency).toBe(2);
    // Neither is answered before both are inside.
    const answers = await Promise.all([ask(found, 5, 2), ask(found, 5, 2)]);
    expect(new Set(answers.map(([pid]) => pid?.number(0))).size).toBe(2);
  });

  it('see the one GPU they are meant for, or none', async () => {
    const gpu = async (groups: readonly InstanceGroup[]) => {
      const found = await open(source(), groups);
      return [(await ask(found, 0)).find(({ name }) => name === 'GPU')?.texts(), found.groups];
    };
    const group = { kind: 'gpu' as const, count: 1, gpus: [3] };
    expect(await gpu([group])).toEqual([['3'], [group]]);
    expect(await gpu([])).toEqual([[''], process1]);
  });

  it('keep nothing of a call', async () => {
    const found = await open(source(), process1);
    const pid = await pidOf(found);
    const residentMb = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
    const large = x(new Float32Array(65_536).fill(0.5));
    const rounds = async (count: number) => {
      for (let i = 0; i < count; i++) {
        const answer = await found.engine.run([large], CALL);
        if (i === 0) expect(answer.find(({ name }) => name === 'BYTES')?.count).toBe(65_536);
      }
    };
    await rounds(300);
    const before = residentMb();
    await rounds(600);
    expect(residentMb() - before).toBeLessThan(48);
  });

  it('prove whether an ONNX model may stay inside', async () => {
    const onnx = (hidden: number[], seed: number) => {
      const model = source('', { onnx: 'yes' });
      writeFileSync(join(model.folder, 'model.onnx'), onnxOf(mlpWeights(8, hidden, seed)));
      return model;
    };
    // By the clock: beside other suites one may be found too slow, which its files then are for good.
    let seed = 3;
    let small = onnx([64, 64], seed);
    await eventually('a small model goes inside', async () => {
      small = onnx([64, 64], seed++);
      return (await open(small)).groups[0]?.kind === 'inside';
    });
    const asked = lines.filter((line) => line.startsWith('engine placed')).length;
    // Known by its files: not proven twice.
    expect((await open(small)).groups).toEqual([{ kind: 'inside', count: 1, gpus: [] }]);
    expect(lines.filter((line) => line.startsWith('engine placed')).length).toBe(asked);
    expect((await open(onnx([2048, 2048], 3))).groups).toEqual(process1);
  });

  it('end with a serving that is killed, also while a model holds their thread', async () => {
    const folder = source().folder;
    const dist = join(cloneRoot(), 'dist');
    const script = `
      const { openEngine } = await import('${dist}/services/serving/src/engines/open-engine.process.js');
      const { moduleRuntime } = await import('${dist}/services/serving/src/runtime/module-runtime.fs.js');
      const { NO_PARAMETERS, Tensor } = await import('${dist}/libs/inference/src/index.js');
      const source = { name: 'm', version: 1, folder: '${folder}', parameters: {}, batched: true };
      const groups = [{ kind: 'cpu', count: 2, gpus: [] }];
      const { engine } = await openEngine(source, moduleRuntime, { instanceGroups: groups, maxBatchSize: 1 });
      const call = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
      const run = (...v) => engine.run([Tensor.of('X', 'FP32', [1, v.length], Float32Array.from(v))], call);
      const pids = await Promise.all([run(0), run(0)]);
      console.log(JSON.stringify(pids.map(([pid]) => pid.number(0))));
      await run(3);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Uint8Array) => {
      said += new TextDecoder().decode(chunk);
    });
    await eventually('its engines', () => said.endsWith(']\n'));
    const pids = JSON.parse(said) as number[];
    expect(new Set(pids).size).toBe(2);
    expect(pids.map(lives)).toEqual([true, true]);
    child.kill('SIGKILL');
    await eventually('its engines have ended', () => pids.every((pid) => !lives(pid)));
    expect(readdirSync(folder)).toEqual(['model.js']);
  });
});
