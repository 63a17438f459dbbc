// The artifact store on a disk that somebody else fills: a small tmpfs, which needs the right to mount one.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@millrace/testing';
import { ReplicatedPlatform } from './replicated-platform.process.js';
import { type FaultCase, pause, type Suite } from './suite.js';

const DISK_MIB = 96;
/** How long it stays full once ingest has said so. */
const FULL_MS = 5_000;
const SAID_WITHIN_MS = 60_000;
const PIECE = Buffer.alloc(65_536);

/** A platform whose artifacts are on such a disk. */
export async function withSmallDisk(
  root: string,
  work: (platform: ReplicatedPlatform) => Promise<boolean>,
): Promise<boolean> {
  const platform = await ReplicatedPlatform.up(root, {
    before: (home) => {
      const folder = join(home, 'artifacts');
      mkdirSync(folder, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder]);
    },
    after: (home) => void execFileSync('umount', [join(home, 'artifacts')]),
  });
  try {
    return await work(platform);
  } finally {
    await platform.stop();
  }
}

/** Writes until there is no room. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, PIECE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

async function stopped(suite: Suite): Promise<string | undefined> {
  const said = await suite.platform.ask<{ stopped: { why: string } | null }>('ingestHttp', '/v1/stats');
  return said.stopped?.why;
}

export function fullDisk(seconds: number): FaultCase {
  return {
    name: 'disk',
    says: 'the disk of the artifact store is full for a while',
    seconds,
    disturb: async (suite) => {
      await pause((1_000 * seconds) / 4);
      const path = join(suite.platform.home, 'artifacts', 'somebody-elses');
      fill(path);
      const why = await eventually('ingest says that it stopped', () => stopped(suite), SAID_WITHIN_MS);
      await pause(FULL_MS);
      rmSync(path);
      await eventually('it reads on', async () => (await stopped(suite)) === undefined, SAID_WITHIN_MS);
      return [{ what: 'ingest says why it stopped, and reads on by itself', met: why === 'disk', measured: why }];
    },
  };
}
