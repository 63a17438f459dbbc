// The peers: MLServer and pytriton with the bench's network, in the Python environments that tools/setup/peers.mjs
// made.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@millrace/testing';
import { networkNpz } from './network.js';
import { type System, startSystem } from './systems.process.js';

function weightsFile(work: string): string {
  const file = join(work, 'weights.npz');
  writeFileSync(file, networkNpz());
  return file;
}

/** One process, adaptive batching on: parallel workers cost it throughput at this size of model. */
export async function startMlServer(root: string, work: string, python: string): Promise<System> {
  const folder = join(work, 'mlserver');
  mkdirSync(folder, { recursive: true });
  const [httpPort, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(
    join(folder, 'settings.json'),
    JSON.stringify({
      host: '127.0.0.1',
      http_port: httpPort,
      grpc_port: grpcPort,
      metrics_port: metricsPort,
      parallel_workers: 0,
      debug: false,
    }),
  );
  writeFileSync(
    join(folder, 'model-settings.json'),
    JSON.stringify({
      name: 'mlp',
      implementation: 'mlserver_model.Network',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 8] }],
      outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }],
      max_batch_size: 64,
      max_batch_time: 0.001,
    }),
  );
  return startSystem({
    name: 'mlserver',
    command: python,
    args: ['-c', 'from mlserver.cli import main; main()', 'start', folder],
    env: {
      PYTHONPATH: join(root, 'bench/peers'),
      PYTHONDONTWRITEBYTECODE: '1',
      BENCH_WEIGHTS: weightsFile(work),
      OPENBLAS_NUM_THREADS: '1',
    },
    log: join(work, 'mlserver.log'),
    grpcPort,
    httpPort,
  });
}

export async function startPytriton(root: string, work: string, python: string): Promise<System> {
  const [httpPort, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  return startSystem({
    name: 'pytriton',
    command: python,
    args: [
      join(root, 'bench/peers/pytriton_server.py'),
      ...[grpcPort, httpPort, metricsPort].map(String),
      weightsFile(work),
    ],
    env: { PYTHONDONTWRITEBYTECODE: '1', OPENBLAS_NUM_THREADS: '1', PYTRITON_HOME: join(work, 'pytriton') },
    log: join(work, 'pytriton.log'),
    grpcPort,
    httpPort,
  });
}
