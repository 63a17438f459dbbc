// The command that brings a project its next version: a training, or, where the project has no label and nothing can
// be learnt, a model that was made elsewhere.

import { labelRuleText, type Project, projectFromDocument } from '@millrace/project';
import type { ChoosingProject } from '../train/usual-datasets.js';

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
  const project = await projectNamed(known, name);
  return project === undefined || project.data.label !== undefined;
}

/** One that is not known is taken to have no event time, and any rule of labels. */
export async function choosingProject(known: Known, name: string): Promise<ChoosingProject> {
  const project = await projectNamed(known, name);
  const { eventTime, label } = project?.data ?? {};
  return { name, isTimed: eventTime !== undefined, labelRule: labelRuleText(label) };
}

async function projectNamed(known: Known, name: string): Promise<Project | undefined> {
  const projects = await known.projects().catch(() => []);
  const found = projects.find((project) => project.name === name);
  return found === undefined ? undefined : projectFromDocument(JSON.stringify(found.document));
}
