// Measures one world in a thread of its own.

import { parentPort, workerData } from 'node:worker_threads';
import { measureBad, measureHealthy } from './worlds.js';

const { world, first, seeds } = workerData as { world: string; first: number; seeds: number };
parentPort?.postMessage(world === 'healthy' ? measureHealthy({ first, seeds }) : measureBad(world, { first, seeds }));
