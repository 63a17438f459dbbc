// How a process shares the cores with the others: the request path first, then the data path, training workers last.

import { existsSync, writeFileSync } from 'node:fs';
import type { ProcessPlan } from '@millrace/deployment';

/** util-linux; where it is missing (macOS) `nice` alone has to do. */
const CHRT = '/usr/bin/chrt';
/** Linux lets ordinary users change a group's share ten times a second only. */
const GROUP_RETRY_MS = 120;
const GROUP_TRIES_MAX = 50;

/**
 * `nice` sets the priority before the program's threads exist; on Linux priorities belong to threads, not processes.
 * Batch scheduling besides: such a thread does not push one of the request path off its core when it wakes up.
 */
export function prioritised({ nice, command, args }: ProcessPlan): string[] {
  if (nice === 0) return [command, ...args];
  const batch = existsSync(CHRT) ? [CHRT, '--batch', '0'] : [];
  return ['nice', '-n', `${nice}`, ...batch, command, ...args];
}

/**
 * A detached process leads a session, and where Linux groups tasks by session (autogroup, on by default in most
 * distributions) its `nice` counts only inside its own group: all groups get equal shares. So the group gets the same
 * nice. Source: sched(7), "The autogroup feature".
 */
export function lowerGroup(pid: number, nice: number, tries = GROUP_TRIES_MAX): void {
  if (nice === 0) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, `${nice}`);
  } catch (error) {
    // Anything else: no autogroups here (then `nice` does it), or the process is gone.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || tries === 0) return;
    setTimeout(() => lowerGroup(pid, nice, tries - 1), GROUP_RETRY_MS).unref();
  }
}
