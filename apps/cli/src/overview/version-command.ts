// The command that brings a project its next version: a training, or, where the project has no label and nothing can
// be learnt, a model that was made elsewhere.

import { projectFromDocument } from '@millrace/project';

/** As ingest tells it. */
export interface KnownProject {
  readonly name: string;
  readonly document: unknown;
}

/** `projects`: those that are known; where the named one is not among them, it is taken for one that is trained. */
export function versionCommand(name: string, projects: readonly KnownProject[]): string {
  const found = projects.find((project) => project.name === name);
  const isTrained = found === undefined || projectFromDocument(JSON.stringify(found.document)).data.label !== undefined;
  return isTrained ? `millrace train ${name}` : `millrace models register FILE --project ${name} --unjudged`;
}
