// What gc does and says: what is declared, what went or would go, and what comes next.

import { timeText } from '@millrace/domain';
import type { ControlClient } from '../client/control.http.js';
import { shownId } from '../ids.js';
import { table } from '../table.js';

interface Told {
  value: unknown;
  text(width: number | undefined): string;
  next: readonly string[];
}

export async function collected(
  control: Pick<ControlClient, 'retention' | 'collect'>,
  project: string,
  isDry: boolean,
): Promise<Told> {
  const planned = await control.retention(project);
  if (planned.datasets === null) {
    const example = 'retention: { datasets: { keep: 30, for: 90d } }';
    const text = `${project} declares no retention, so nothing is deleted: write \`${example}\` into its project file`;
    return { value: isDry ? planned : { removed: 0 }, text: () => text, next: ['millrace apply FILE'] };
  }
  const listed = `millrace datasets ${project}`;
  if (!isDry) {
    const done = await control.collect(project);
    return { value: done, text: () => `${done.removed} dataset versions deleted`, next: [listed] };
  }
  const rows = planned.versions.map(({ ordinal, id, source, rows: count, closedAtMs, keptBy }) => [
    ...[ordinal, shownId(id), source, count, timeText(closedAtMs)],
    keptBy === null ? 'goes' : `stays: ${keptBy}`,
  ]);
  const heads = ['#', 'id', 'of', 'rows', 'closed', 'what becomes of it'];
  const goes = planned.versions.some(({ keptBy }) => keptBy === null);
  return {
    value: planned,
    text: (width) => (rows.length === 0 ? 'no dataset version yet' : table(heads, rows, width)),
    next: [goes ? `millrace gc ${project}` : listed],
  };
}
