// What gc does and says: what is declared of dataset and model versions, what went or would go, and what comes next.

import { timeText } from '@millrace/domain';
import type { ControlClient } from '../client/control.http.js';
import { shownId } from '../ids.js';
import { table } from '../table.js';

interface Told {
  value: unknown;
  text(width: number | undefined): string;
  next: readonly string[];
}

type Control = Pick<ControlClient, 'retention' | 'collect' | 'modelRetention' | 'collectModels'>;

export async function collected(control: Control, project: string, isDry: boolean): Promise<Told> {
  const planned = await control.retention(project);
  const { datasets, hasModels } = planned;
  if (datasets === null && !hasModels) {
    const example = 'retention: { datasets: { keep: 30, for: 90d }, models: { keep: 20 } }';
    const text = `${project} declares no retention, so nothing is deleted: write \`${example}\` into its project file`;
    return { value: isDry ? planned : { removed: 0 }, text: () => text, next: ['millrace apply FILE'] };
  }
  // Where nothing is said of models the trainer need not be there.
  const models = hasModels && isDry ? await control.modelRetention(project) : null;
  const listed = [
    ...(datasets === null ? [] : [`millrace datasets ${project}`]),
    ...(hasModels ? [`millrace models ${project}`] : []),
  ];
  if (!isDry) return deleted(control, project, { datasets: datasets !== null, models: hasModels }, listed);
  const stays = (keptBy: string | null) => (keptBy === null ? 'goes' : `stays: ${keptBy}`);
  const rows = planned.versions.map(({ ordinal, id, source, rows: count, closedAtMs, keptBy }) => [
    ...[ordinal, shownId(id), source, count, timeText(closedAtMs), stays(keptBy)],
  ]);
  const heads = ['#', 'id', 'of', 'rows', 'closed', 'what becomes of it'];
  const modelRows = (models?.versions ?? []).map(({ version, createdAtMs, blessed, keptBy }) => [
    ...[version, timeText(createdAtMs), blessed ? 'blessed' : 'refused', stays(keptBy)],
  ]);
  const modelHeads = ['model', 'trained', 'verdict', 'what becomes of it'];
  const goes = [...planned.versions, ...(models?.versions ?? [])].some(({ keptBy }) => keptBy === null);
  const tables = (width: number | undefined) => [
    ...(datasets === null ? [] : [rows.length === 0 ? 'no dataset version yet' : table(heads, rows, width)]),
    ...(models === null ? [] : [modelRows.length === 0 ? 'no model version yet' : table(modelHeads, modelRows, width)]),
  ];
  return {
    value: { ...planned, models },
    text: (width) => tables(width).join('\n\n'),
    next: goes ? [`millrace gc ${project}`] : listed,
  };
}

async function deleted(
  control: Control,
  project: string,
  declared: { datasets: boolean; models: boolean },
  next: readonly string[],
): Promise<Told> {
  const done = declared.datasets ? await control.collect(project) : { removed: 0 };
  const models = declared.models ? (await control.collectModels(project)).removed : undefined;
  const told = [
    ...(declared.datasets ? [`${done.removed} dataset versions`] : []),
    ...(models === undefined ? [] : [`${models} model versions`]),
  ];
  const value = { ...done, ...(models === undefined ? {} : { removedModels: models }) };
  return { value, text: () => `${told.join(', ')} deleted`, next };
}
