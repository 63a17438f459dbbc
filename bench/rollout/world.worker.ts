// Measures one world in a thread of its own.

import { parentPort, workerData } from 'node:worker_threads';
import { HEALTHY_NAMES, measureBad, measureHealthy } from './worlds.js';

const { world, first, seeds } = workerData as { world: string; first: number; seeds: number };
const measure = HEALTHY_NAMES.includes(world) ? measureHealthy : measureBad;
parentPort?.postMessage(measure(world, { first, seeds }));
