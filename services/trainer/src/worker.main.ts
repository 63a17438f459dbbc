// Boot of one training worker process: settings, TensorFlow's environment, then TensorFlow and the rest.

import { loadConfig } from '@millrace/config';
import { workerSettings } from '@millrace/deployment';
import { configureLogs } from '@millrace/telemetry';
import { prepareTensorFlow } from './worker/tensorflow.process.js';

const config = loadConfig(workerSettings);
configureLogs({ service: config.workerId === '' ? config.replica : config.workerId, level: config.logLevel as 'info' });
prepareTensorFlow(config.device, config.gpu);
// Imported only now: loading it loads the library, which reads the environment once.
const { startWorker } = await import('./worker/worker.module.js');
const stop = await startWorker(config);

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
