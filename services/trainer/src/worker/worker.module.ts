// Wiring of a training worker: which edge fills which port.

import { createHash } from 'node:crypto';
import { PlatformError, systemClock } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { CoordinatorClient } from '../collective/coordinator-client.grpc.js';
import { Mesh, MeshListener } from '../collective/peers.tcp.js';
import { deviceOfTensorFlow } from '../training/device.tf.js';
import { JobFiles } from '../training/job-files.fs.js';
import { scoreLayersModel } from '../training/layers-model.tf.js';
import { TensorFlowNetwork } from '../training/network.tf.js';
import type { WorkerConfig } from './config.js';
import { type JobPorts, prepareJob } from './jobs.js';
import { Worker } from './worker.js';

const log = logger('worker');

/** Starts the worker; the returned function stops it. */
export async function startWorker(config: WorkerConfig): Promise<() => void> {
  const found = deviceOfTensorFlow();
  if (config.device === 'gpu' && found.device !== 'gpu') {
    throw new PlatformError(
      'invalid_argument',
      'MILLRACE_DEVICE=gpu, but TensorFlow found no GPU: run `millrace doctor` for library and driver',
    );
  }
  const workerId = config.workerId === '' ? config.replica : config.workerId;
  const files = new JobFiles(config.home);
  const listener = await MeshListener.listen(config.gradientHost, config.gradientPort);
  const jobPorts: JobPorts = {
    readData: (file) => files.readData(file),
    readFloats: (path, sha256) => files.readFloats(path, sha256),
    readCheckpoint: (path, sha256) => files.readCheckpoint(path, sha256),
    writeCheckpoint: (folder, generation, checkpoint, keep) =>
      files.writeCheckpoint(folder, generation, checkpoint, keep),
    writeFloats: (path, values) => files.writeFloats(path, values),
    sha256: (values) =>
      createHash('sha256')
        .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
        .digest('hex'),
    engine: (network, weights) => new TensorFlowNetwork(network, weights),
    scoreModel: (path, data) => scoreLayersModel(files.absolute(path), data),
  };
  const worker = new Worker({
    send: (message) => client.send(message),
    links: (assignment) => {
      const { generation, rank, token, peers } = assignment;
      const mesh = new Mesh({
        generation,
        rank,
        token,
        peers,
        connectMs: config.connect,
        operationMs: config.operation,
      });
      listener.serve(mesh);
      return mesh;
    },
    prepare: (job, rank) => prepareJob(job, rank, jobPorts),
    monotonicMs: () => systemClock.monotonicMs(),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
    log: (message, facts) => log.info(message, facts),
  });
  const client = new CoordinatorClient(
    {
      addresses: config.coordinators,
      hello: {
        workerId,
        host: config.gradientHost,
        port: listener.port,
        device: found.device,
        processId: process.pid,
      },
      heartbeatMs: config.heartbeat,
      onMessage: (message) => worker.receive(message),
      onLost: (reason) => worker.stop(reason),
    },
    systemClock,
  );
  client.start();
  log.info('worker started', { worker: workerId, device: found.device, tfjs: found.library, port: listener.port });
  return () => {
    worker.stop('the worker is stopping');
    client.close();
    listener.close();
  };
}
