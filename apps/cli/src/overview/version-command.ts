// The command that brings a project its next version: a training, or, where the project has no label and nothing can
// be learnt, a model that was made elsewhere.

import { projectFromDocument } from '@millrace/project';

/** As ingest tells it. */
export interface KnownProject {
  readonly name: string;
  readonly document: unknown;
}

interface Known {
  projects(): Promise<readonly KnownProject[]>;
}

export async function versionCommand(known: Known, name: string): Promise<string> {
  if (await isTrained(known, name)) return `millrace train ${name}`;
  return `millrace models register FILE --project ${name} --unjudged`;
}

/** False only of a project without label: one that is not known, also where ingest is away, is taken to have one. */
export async function isTrained(known: Known, name: string): Promise<boolean> {
  const projects = await known.projects().catch(() => []);
  const found = projects.find((project) => project.name === name);
  return found === undefined || projectFromDocument(JSON.stringify(found.document)).data.label !== undefined;
}
