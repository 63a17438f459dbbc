// The project file of the folder that a command is run in: `ingest` and `train` hand it to the platform first where it
// is the file of their project and the platform has none, or another. What a person has just written is what they mean.

import { applyText, loadProjectFile, openSources, PROJECT_FILE, projectHere } from '../project-file.fs.js';
import { mustBeOneProject } from './another-project.js';
import type { Context } from './context.js';

/**
 * Gives the revision that is applied then; undefined where there is no such file, or that of another project.
 * @throws PlatformError 'conflict' where the platform has another project of this name
 */
export async function applyHere({ control, settings }: Context, project: string): Promise<number | undefined> {
  if (projectHere() !== project) return undefined;
  const loaded = loadProjectFile(PROJECT_FILE);
  const applied = (await control.projects()).find(({ name }) => name === project);
  const columns = loaded.project.data.columns.map(({ name }) => name);
  if (applied !== undefined) mustBeOneProject(project, PROJECT_FILE, columns, applied.document);
  await openSources(settings.home, loaded);
  const { changed, revision } = await control.applyProject(applyText(loaded));
  if (changed) process.stderr.write(`applied ${PROJECT_FILE}: ${project}, revision ${revision}\n`);
  return revision;
}

/** The revision that a training is meant for: of the file here, else the one that is applied now. */
export async function meantRevision(context: Context, project: string): Promise<{ projectRevision?: number }> {
  const projectRevision =
    (await applyHere(context, project)) ??
    (await context.control.projects()).find(({ name }) => name === project)?.revision;
  return projectRevision === undefined ? {} : { projectRevision };
}
