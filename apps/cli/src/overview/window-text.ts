// What `drift` says while no window of a project has closed: until when, how long a window is and where that is set, so
// that nobody waits a day who wants to see one in minutes.

import { timeText } from '@millrace/domain';
import { projectFromDocument } from '@millrace/project';
import type { KnownProject } from './version-command.js';

interface Known {
  projects(): Promise<readonly KnownProject[]>;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** As the project file writes it: in the largest unit that makes it whole. */
export function durationText(ms: number): string {
  const [unit, size] = UNITS.find(([, one]) => ms >= one && ms % one === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** undefined where ingest, which has the project file, is away. */
export async function windowOf(known: Known, name: string): Promise<string | undefined> {
  const projects = await known.projects().catch(() => []);
  const found = projects.find((project) => project.name === name);
  return found && durationText(projectFromDocument(JSON.stringify(found.document)).monitoring.windowMs);
}

/** @param closesAtMs null = nothing was answered yet */
export function noWindowText(closesAtMs: number | null, window: string | undefined): string {
  const first =
    closesAtMs === null
      ? 'no window yet: the first opens with the first answer'
      : `no window is closed yet: the first closes when event time has passed ${timeText(closesAtMs)}`;
  if (window === undefined) return first;
  return `${first}\na window is ${window} long: monitoring.window of the project file, where 1m shows one in minutes`;
}
