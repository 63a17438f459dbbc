// The dataset versions that a command takes when none are named, with a word on those that are left out.

import { choosingProject } from '../overview/version-command.js';
import { replacedText, usualDatasets } from '../train/usual-datasets.js';
import type { Context } from './context.js';

type Dataset = Parameters<typeof usualDatasets>[1][number];

export async function toldUsual(
  control: Context['control'],
  project: string,
  datasets: readonly Dataset[],
): Promise<string[]> {
  const usual = usualDatasets(await choosingProject(control, project), datasets);
  for (const line of replacedText(usual)) process.stderr.write(`${line}\n`);
  return [...usual.ids];
}
