// Measures streams for bench/loop in a thread of its own: one message a stream and seed, one answer each.

import { parentPort } from 'node:worker_threads';
import { measure } from './measure.js';

parentPort?.on('message', ({ stream, seed }: { stream: string; seed: number }) => {
  parentPort?.postMessage(measure(stream, seed));
});
