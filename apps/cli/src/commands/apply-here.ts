// The project file of the folder that a command is run in: `ingest` and `train` hand it to the platform first where it
// is the file of their project and the platform has none, or another. What a person has just written is what they mean.

import { applyText, loadProjectFile, openSources, projectNameIn } from '../project-file.fs.js';
import type { Context } from './context.js';

const FILE = 'project.yaml';

/** Nothing where there is no such file, or that of another project. */
export async function applyHere({ control, settings }: Context, project: string): Promise<void> {
  if (projectNameIn(FILE) !== project) return;
  const loaded = loadProjectFile(FILE);
  await openSources(settings.home, loaded);
  const { changed, revision } = await control.applyProject(applyText(loaded));
  if (changed) process.stderr.write(`applied ${FILE}: ${project}, revision ${revision}\n`);
}
