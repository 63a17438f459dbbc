// V2 servers that Millrace did not start: a real MLServer and a real pytriton, in the Python environments that
// tools/setup/peers.mjs makes in the cache, once for a machine.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePort, waitForPort } from '@millrace/testing';
import { REPOSITORY } from './platform.process.js';

const START_MS = 90_000;
const SUPPORT = join(REPOSITORY, 'test/e2e/support');

export interface Upstream {
  grpcPort: number;
  httpPort: number;
  output(): string;
  stop(): Promise<void>;
}

export type Peer = 'mlserver' | 'pytriton';

/** The peer's Python, installed where it is missing. */
async function pythonOf(peer: Peer): Promise<string> {
  const load = (script: string) => import(pathToFileURL(join(REPOSITORY, 'tools/setup', script)).href);
  const [{ setUpPeer }, { withCacheLock }] = [await load('peers.mjs'), await load('lock.mjs')];
  return withCacheLock(() => setUpPeer(peer));
}

export async function startUpstream(peer: Peer, work: string): Promise<Upstream> {
  const python = await pythonOf(peer);
  const [httpPort, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const folder = join(work, peer);
  mkdirSync(folder, { recursive: true });
  const args =
    peer === 'mlserver'
      ? [
          '-c',
          'from mlserver.cli import main; main()',
          'start',
          mlserverFolder(folder, httpPort, grpcPort, metricsPort),
        ]
      : [join(SUPPORT, 'upstream_pytriton.py'), ...[grpcPort, httpPort, metricsPort].map(String)];
  const child: ChildProcess = spawn(python, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/bin:/bin',
      HOME: folder,
      PYTHONPATH: SUPPORT,
      PYTHONDONTWRITEBYTECODE: '1',
      OPENBLAS_NUM_THREADS: '1',
      PYTRITON_HOME: folder,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      output = (output + chunk).slice(-10_000);
    });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let isRunning = true;
  void ended.then(() => {
    isRunning = false;
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(hard);
  };
  try {
    for (const port of [httpPort, grpcPort]) await waitForPort(port, START_MS, () => isRunning);
    await ready(`http://127.0.0.1:${httpPort}/v2/models/Sum_Model/ready`);
  } catch (cause) {
    await stop();
    throw new Error(`${peer} did not start:\n${output}`, { cause });
  }
  return { grpcPort, httpPort, output: () => output, stop };
}

/** A port is open before the model behind it is loaded. */
async function ready(url: string): Promise<void> {
  const endMs = performance.now() + START_MS;
  while (performance.now() < endMs) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`${url} did not say yes`);
}

function mlserverFolder(folder: string, httpPort: number, grpcPort: number, metricsPort: number): string {
  const write = (name: string, content: object) => writeFileSync(join(folder, name), JSON.stringify(content));
  const ports = { http_port: httpPort, grpc_port: grpcPort, metrics_port: metricsPort };
  write('settings.json', { host: '127.0.0.1', ...ports, parallel_workers: 0, debug: false });
  write('model-settings.json', {
    name: 'Sum_Model',
    implementation: 'upstream_mlserver.Sum',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
    outputs: [{ name: 'sum', datatype: 'FP32', shape: [-1, 1] }],
  });
  return folder;
}
