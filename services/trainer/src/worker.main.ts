// Boot of one training worker process: settings, TensorFlow's environment, then TensorFlow and the rest.

import { loadConfig } from '@millrace/config';
import { exitCodeOfStart, workerSettings } from '@millrace/deployment';
import { configureLogs, logger } from '@millrace/telemetry';
import { prepareTensorFlow } from './worker/tensorflow.process.js';

async function startedWorker() {
  try {
    const config = loadConfig(workerSettings);
    const service = config.workerId === '' ? config.replica : config.workerId;
    configureLogs({ service, level: config.logLevel as 'info' });
    prepareTensorFlow(config.device, config.gpu);
    // Imported only now: loading it loads the library, which reads the environment once.
    const { startWorker } = await import('./worker/worker.module.js');
    return { config, stop: await startWorker(config) };
  } catch (error) {
    logger('worker').error('start failed', {}, error);
    process.exit(exitCodeOfStart(error));
  }
}

const { config, stop } = await startedWorker();

const end = () => {
  stop();
  process.exit(0);
};
process.once('SIGTERM', end);
process.once('SIGINT', end);
if (config.parentWatch) {
  process.stdin.on('end', end);
  process.stdin.on('error', end);
  process.stdin.resume();
}
