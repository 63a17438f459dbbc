// Whether the disk of a home takes what processes write as they start. On one that is full they die as often as they
// are started, and none of it is their own fault.

import { statfsSync } from 'node:fs';

/** Kafka alone makes indexes of 10 MiB for each partition that it writes to anew. */
const ROOM_MIB_MIN = 64;
const MIB = 1_048_576;

export function hasRoom(home: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(home);
    return bavail * bsize >= ROOM_MIB_MIN * MIB;
  } catch {
    return true; // a home that is gone is another matter
  }
}

export const noRoomText = (home: string): string => `less than ${ROOM_MIB_MIN} MiB are free on the disk of ${home}`;
