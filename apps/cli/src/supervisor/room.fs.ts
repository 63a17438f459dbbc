// Whether the disk of a home takes what processes write as they start. On one that is full they die as often as they
// are started, and none of it is their own fault.

import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Kafka alone makes indexes of 10 MiB for each partition that it writes to anew. */
const ROOM_MIB_MIN = 64;
const MIB = 1_048_576;
/** A quota of the user's shows only to who writes. */
const PROBE = Buffer.alloc(4 * MIB);
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** As the disk says, without a try. */
export function seemsFull(home: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(home);
    return bavail * bsize < ROOM_MIB_MIN * MIB;
  } catch {
    return false; // a home that is gone is another matter
  }
}

/** Writes a few MiB where it seems so. */
export function hasRoom(home: string): boolean {
  if (seemsFull(home)) return false;
  const probe = join(home, `.room-${process.pid}`);
  try {
    writeFileSync(probe, PROBE);
    return true;
  } catch (thrown) {
    return !FULL.has((thrown as NodeJS.ErrnoException).code ?? '');
  } finally {
    rmSync(probe, { force: true });
  }
}

export const noRoomText = (home: string): string => `less than ${ROOM_MIB_MIN} MiB are free on the disk of ${home}`;
