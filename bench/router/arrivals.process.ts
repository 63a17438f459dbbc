// 1,000 Poisson arrivals a second from a process of their own: whoever waits for the next arrival turns meanwhile, and
// collects the garbage of its client. It gives way to the servers that it measures, for there may be fewer cores than
// processes; latency counts from when a call was due.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TimedLoadResult } from '../load/grpc-load.js';

const RATE = 1_000;
const NICE = '5';
/** Of calls that are made and not counted. */
export const WARM_UP_SECONDS = 1;

export interface Arrivals {
  port: number;
  request: Uint8Array;
  seconds: number;
  seed: number;
}

/** No call failed. */
export async function arrivals(root: string, { port, request, seconds, seed }: Arrivals): Promise<TimedLoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-arrivals-'));
  try {
    const file = join(folder, 'request.bin');
    writeFileSync(file, request);
    const options = {
      address: `127.0.0.1:${port}`,
      request: file,
      rate: RATE,
      seconds,
      seed,
      'warm-up': WARM_UP_SECONDS,
    };
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const load = [process.execPath, '--max-semi-space-size=32', join(root, 'dist/bench/load/grpc-load.js'), ...args];
    const { stdout } = await promisify(execFile)('nice', ['-n', NICE, ...load]);
    const result = JSON.parse(stdout) as TimedLoadResult;
    if (result.failures > 0) throw new Error(`${result.failures} calls failed: ${result.firstFailure}`);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
