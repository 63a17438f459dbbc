// What a new hold is on: a dataset version by its id, or the beginning of it that listings show.

import type { ControlClient } from '../client/control.http.js';
import { idOf } from '../ids.js';

export interface HoldOptions {
  dataset?: string;
  model?: number;
  reason: string;
  by: string;
}

export async function addHold(
  control: Pick<ControlClient, 'datasets' | 'addHold'>,
  project: string,
  { dataset, model, reason, by }: HoldOptions,
) {
  const asked = { reason, by, ...(model === undefined ? {} : { model }) };
  if (dataset === undefined) return control.addHold(project, asked);
  const ids = (await control.datasets(project)).map(({ id }) => id);
  const id = idOf(dataset, ids, 'dataset version', `millrace datasets ${project}`);
  return control.addHold(project, { ...asked, dataset: id });
}
