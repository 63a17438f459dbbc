// The dataset versions that a command takes: those that are named, else the usual ones, with a word on those that are
// left out.

import { idOf } from '../ids.js';
import { choosingProject } from '../overview/version-command.js';
import { replacedText, usualDatasets } from '../train/usual-datasets.js';
import type { Context } from './context.js';

type Dataset = Parameters<typeof usualDatasets>[1][number];

async function toldUsual(
  control: Context['control'],
  project: string,
  datasets: readonly Dataset[],
): Promise<string[]> {
  const usual = usualDatasets(await choosingProject(control, project), datasets);
  for (const line of replacedText(usual)) process.stderr.write(`${line}\n`);
  return [...usual.ids];
}

/** @param named ids or their first characters; undefined: the usual ones */
export async function meantDatasets(
  control: Context['control'],
  project: string,
  datasets: readonly Dataset[],
  named: readonly string[] | undefined,
): Promise<string[]> {
  if (named === undefined) return toldUsual(control, project, datasets);
  const ids = datasets.map(({ id }) => id);
  return named.map((given) => idOf(given, ids, 'dataset version', `millrace datasets ${project}`));
}
