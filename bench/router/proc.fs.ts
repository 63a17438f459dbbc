// What the system says of a process: CPU that it has used, and memory that it holds. Linux.

import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux fixes at 100 for what it tells. */
const TICK_MS = 10;

/** User and system time in milliseconds. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;
}
