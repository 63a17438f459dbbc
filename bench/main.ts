// `npm run bench`: ingest, training and prediction rates of this machine, side by side with the ceilings measured in
// the same run. It judges nothing; it prints, and writes bench/results/<date>-main.json with machine, versions and
// command.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, homedir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { environment } from '@millrace/config';
import { inferencePb } from '@millrace/contracts';
import { parseProject } from '@millrace/project';
import { ghz, runGhz } from './ghz.process.js';
import { runLoad } from './load/grpc-load.js';
import { bringUp } from './platform.process.js';

const root = resolve(fileURLToPath(new URL('../..', import.meta.url)));
const run = promisify(execFile);
const ROUNDS = 3;
const LOAD_SECONDS = 5;
const RATES = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000];
const P99_BOUND_MS = 25;

interface Figure {
  name: string;
  value: number;
  unit: string;
  /** Share of the ceiling named. */
  ratio?: { of: string; value: number };
}

const figures: Figure[] = [];

function report(name: string, value: number, unit: string, ratio?: Figure['ratio']): void {
  figures.push({ name, value, unit, ratio });
  const share = ratio ? `  = ${(100 * ratio.value).toFixed(0)} % of ${ratio.of}` : '';
  process.stdout.write(`${name.padEnd(46)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit}${share}\n`);
}

async function json<T>(method: string, url: string, body?: unknown, type = 'application/json'): Promise<T> {
  const response = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function poll<T>(check: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function sampleRequest(model: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from(Uint32Array.of(value.length).buffer), Buffer.from(value)]);
  const inputs: [string, string, Uint8Array][] = [
    ['hour', 'INT64', new Uint8Array(BigInt64Array.of(9n).buffer)],
    ['weekday', 'INT64', new Uint8Array(BigInt64Array.of(3n).buffer)],
    ['distance', 'FP64', new Uint8Array(Float64Array.of(640).buffer)],
    ['origin', 'BYTES', text('ATL')],
    ['destination', 'BYTES', text('ORD')],
  ];
  const request = create(inferencePb.ModelInferRequestSchema, {
    modelName: model,
    parameters: { entity: { parameterChoice: { case: 'stringParam', value: 'ATL' } } },
    inputs: inputs.map(([name, datatype]) => ({ name, datatype, shape: [1n] })),
    rawInputContents: inputs.map(([, , raw]) => raw),
  });
  return Buffer.from(toBinary(inferencePb.ModelInferRequestSchema, request));
}

async function startEcho(): Promise<{ port: number; stop: () => void }> {
  const child = spawn(process.execPath, [join(root, 'dist/bench/echo/echo.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await new Promise<number>((listening) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /listening (\d+)/.exec(chunk.toString());
      if (found) listening(Number(found[1]));
    });
  });
  return { port, stop: () => child.kill('SIGTERM') };
}

async function main(): Promise<void> {
  const text = readFileSync(join(root, 'examples/flights/project.yaml'), 'utf8');
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const { project } = parsed;
  const replay = project.replay;
  if (replay === undefined) throw new Error('the bench needs the replay section of the flights example');
  const loadTool = await ghz(environment().MILLRACE_CACHE || join(homedir(), '.cache/millrace'));
  const platform = await bringUp(root, 2);
  const echo = await startEcho();
  try {
    const at = (port: number, path: string) => `http://127.0.0.1:${port}/v1/projects/${project.name}${path}`;
    await json('POST', `http://127.0.0.1:${platform.port('INGEST_HTTP')}/v1/projects`, text, 'application/yaml');

    const importStarted = process.hrtime.bigint();
    const { importId } = await json<{ importId: string }>('POST', at(platform.port('INGEST_HTTP'), '/imports'), {
      source: replay.source,
      fromMs: replay.history.fromMs,
      toMs: replay.history.toMs,
      rows: 300_000,
      seed: replay.seed,
    });
    const imported = await poll(async () => {
      const state = await json<{ state: string; accepted: number; datasetVersion?: string }>(
        'GET',
        at(platform.port('INGEST_HTTP'), `/imports/${importId}`),
      );
      return state.state === 'done' && state.datasetVersion ? state : undefined;
    });
    report(
      'ingest: validated and versioned',
      imported.accepted / (Number(process.hrtime.bigint() - importStarted) / 1e9),
      'rows/s',
    );

    const rates: Record<number, number> = {};
    for (const workers of [2, 1]) {
      const { trainingId } = await json<{ trainingId: string }>(
        'POST',
        at(platform.port('TRAINER_HTTP'), '/trainings'),
        {
          datasetVersions: [imported.datasetVersion],
          evaluateFromMs: project.evaluation.fromMs,
          workers,
          seed: 1,
          reason: 'manual',
        },
      );
      const seen: number[] = [];
      await poll(async () => {
        const training = await json<{ state: string; last: { rowsPerSecond?: number; message?: string } }>(
          'GET',
          at(platform.port('TRAINER_HTTP'), `/trainings/${trainingId}`),
        );
        if (training.last.rowsPerSecond) seen.push(training.last.rowsPerSecond);
        if (training.state === 'failed') throw new Error(training.last.message);
        return training.state === 'finished' ? true : undefined;
      });
      rates[workers] = median(seen);
    }
    const artifacts = readdirSync(platform.home, { recursive: true, encoding: 'utf8' }) as string[];
    const parquet = artifacts.find(
      (name) => name.endsWith('.parquet') && name.includes(imported.datasetVersion as string),
    ) as string;
    const single = JSON.parse(
      (
        await run(
          process.execPath,
          [
            join(root, 'dist/bench/single-fit.tf.js'),
            join(platform.home, `artifacts/models/${project.name}/1`),
            join(platform.home, parquet),
            String(project.training.batchRows),
          ],
          {
            env: {
              ...environment(),
              TF_NUM_INTRAOP_THREADS: '1',
              TF_NUM_INTEROP_THREADS: '1',
              TF_CPP_MIN_LOG_LEVEL: '2',
            },
          },
        )
      ).stdout,
    ) as { rowsPerSecond: number };
    report('training ceiling: model.fit, one process', single.rowsPerSecond, 'rows/s');
    report('training, 1 worker', rates[1] as number, 'rows/s', {
      of: 'the ceiling',
      value: (rates[1] as number) / single.rowsPerSecond,
    });
    report('training, 2 workers', rates[2] as number, 'rows/s', {
      of: 'twice 1 worker',
      value: (rates[2] as number) / (2 * (rates[1] as number)),
    });

    await poll(async () => {
      const answer = await json<{ route: { targets: { version: number }[] } }>(
        'GET',
        at(platform.port('ROUTER_CONTROL'), '/route'),
      ).catch(() => undefined);
      return answer && answer.route.targets.length > 0 ? answer : undefined;
    });
    const request = sampleRequest(project.name);
    const endpoints = { echo: echo.port, direct: platform.port('SERVING_GRPC'), router: platform.port('ROUTER_GRPC') };
    const measured: Record<string, number[]> = { echo: [], direct: [], router: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, port] of Object.entries(endpoints)) {
        const result = await runGhz(loadTool, root, {
          address: `127.0.0.1:${port}`,
          request,
          seconds: LOAD_SECONDS,
          connections: 4,
          inFlight: 128,
        });
        if (result.failures > 0) process.stdout.write(`${name}: ${result.failures} failed\n`);
        measured[name]?.push(result.perSecond);
      }
    }
    const echoRate = median(measured.echo as number[]);
    report('grpc-js echo, 128 in flight', echoRate, 'requests/s');
    for (const name of ['direct', 'router'] as const) {
      const rate = median(measured[name] as number[]);
      report(
        `predictions ${name === 'direct' ? 'from serving directly' : 'through the router'}, 128 in flight`,
        rate,
        'requests/s',
        { of: 'the echo', value: rate / echoRate },
      );
    }
    await highestRate(endpoints.router, request);
  } finally {
    echo.stop();
    await platform.stop();
  }
  save();
}

/** Raises the open-loop rate until p99 or a failure ends it. */
async function highestRate(port: number, request: Buffer): Promise<void> {
  let held = 0;
  let p99 = 0;
  for (const ratePerSecond of RATES) {
    const result = await runLoad({
      address: `127.0.0.1:${port}`,
      request,
      connections: 4,
      seconds: LOAD_SECONDS,
      warmUpSeconds: 1,
      ratePerSecond,
    });
    process.stdout.write(
      `  open loop ${ratePerSecond}/s: p50 ${result.latency.p50Ms.toFixed(2)} ms, p99 ${result.latency.p99Ms.toFixed(2)} ms, ${result.failures} failed\n`,
    );
    if (result.failures > 0 || result.latency.p99Ms > P99_BOUND_MS) break;
    held = ratePerSecond;
    p99 = result.latency.p99Ms;
  }
  report(`highest rate held with p99 ≤ ${P99_BOUND_MS} ms`, held, 'requests/s');
  report('  its p99', p99, 'ms');
}

function save(): void {
  const versions = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  const day = new Date().toISOString().slice(0, 10);
  const file = join(root, 'bench/results', `${day}-main.json`);
  mkdirSync(join(root, 'bench/results'), { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
  const result = {
    command: 'npm run bench',
    day,
    machine,
    versions: { millrace: versions.version, ...versions.dependencies },
    figures,
  };
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`written to ${file}\n`);
}

await main();
