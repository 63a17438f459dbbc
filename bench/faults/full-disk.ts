// The artifact store, or all of the home with Kafka's log, on a disk that somebody else fills: a small tmpfs, which
// needs the right to mount one.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '@millrace/testing';
import { ReplicatedPlatform } from './replicated-platform.process.js';
import { type FaultCase, pause, type Suite } from './suite.js';

/** By the folder of the home that is on the disk; '' is the home itself. */
const DISK_MIB = { artifacts: 96, '': 1_024 } as const;
type Folder = keyof typeof DISK_MIB;
/** How long it stays full once ingest has said so. */
const FULL_MS = 5_000;
/** Longer than the supervisor tries a process that dies of itself. */
const HOME_FULL_MS = 45_000;
const SAID_WITHIN_MS = 60_000;
const PIECE = Buffer.alloc(65_536);

/** A platform with this folder on such a disk. */
export async function withSmallDisk(
  root: string,
  onDisk: Folder,
  work: (platform: ReplicatedPlatform) => Promise<boolean>,
): Promise<boolean> {
  const platform = await ReplicatedPlatform.up(root, {
    before: (home) => {
      const folder = join(home, onDisk);
      mkdirSync(folder, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB[onDisk]}m`, 'tmpfs', folder]);
    },
    after: (home) => void execFileSync('umount', [join(home, onDisk)]),
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

/** Kafka ends, too, and whatever else writes there; all of it comes back when there is room. */
export function fullHome(seconds: number): FaultCase {
  return {
    name: 'home-disk',
    says: 'the disk of the home, with the log of Kafka, is full for a while',
    seconds,
    disturb: async (suite) => {
      await pause((1_000 * seconds) / 4);
      const path = join(suite.platform.home, 'somebody-elses');
      fill(path);
      await suite.platform.says('kafka is started again when there is room');
      await pause(HOME_FULL_MS);
      const isOff = suite.platform.pid('kafka') === undefined;
      rmSync(path);
      const isRunning = () => suite.platform.pid('kafka') !== undefined;
      await eventually('Kafka is started again', isRunning, SAID_WITHIN_MS);
      return [{ what: 'Kafka waits for room, and comes back by itself', met: isOff, measured: `off: ${isOff}` }];
    },
  };
}
