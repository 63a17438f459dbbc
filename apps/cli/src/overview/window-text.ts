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
export async function windowOf(known: Known, name: string): Promise<number | undefined> {
  const projects = await known.projects().catch(() => []);
  const found = projects.find((project) => project.name === name);
  return found && projectFromDocument(JSON.stringify(found.document)).monitoring.windowMs;
}

/** Of the shortest windows that show something to who waits for them. */
const SHORT_MS = 60_000;

/**
 * @param closesAtMs null = nothing was answered yet
 * @param nowMs of the wall clock; event times of a stream run beside it, those of a backlog long before
 */
export function noWindowText(closesAtMs: number | null, windowMs: number | undefined, nowMs: number): string {
  const lines = [firstText(closesAtMs, nowMs)];
  if (windowMs !== undefined) {
    const hint = windowMs > SHORT_MS ? ', where 1m shows one in minutes' : '';
    lines.push(`a window is ${durationText(windowMs)} long: monitoring.window of the project file${hint}`);
  }
  return lines.join('\n');
}

function firstText(closesAtMs: number | null, nowMs: number): string {
  if (closesAtMs === null) return 'no window yet: the first opens with the first answer';
  const closes = `no window is closed yet: the first closes with a prediction whose event time is after ${timeText(closesAtMs)}`;
  return closesAtMs < nowMs ? `${closes}, which is over: none has come` : closes;
}
