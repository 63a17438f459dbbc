// The commands that a newcomer copies next, by how far a project has come. Pure; what it cannot see (files, rows that
// are taken in but not trained on) it does not claim.

import type { AnswerOf, monitorApi } from '@millrace/api';
import type { ColumnSpec, Project } from '@millrace/project';

export type Next = NonNullable<AnswerOf<typeof monitorApi.endpoints.now>['next']>;

/** Nothing is applied. */
export const FIRST_STEPS: Next = {
  say: 'No project is applied yet. From a file to a model that answers and is watched:',
  commands: ['npx millrace new FILE', 'npx millrace ingest PROJECT --file FILE', 'npx millrace train PROJECT'],
};

export interface Progress {
  /** Blessed or not. */
  versions: readonly { version: number; blessed: boolean }[];
  served: boolean;
  predictions: number;
}

/** null once there is traffic. */
export function nextStep(project: Project, { versions, served, predictions }: Progress): Next | null {
  const { name } = project;
  if (predictions > 0) return null;
  if (served) {
    return {
      say: 'A version is served and waits for its first request, such as this one; put your own values in:',
      commands: [`npx millrace predict ${name} --row ${quoted(JSON.stringify(exampleRow(project)))}`],
    };
  }
  if (project.data.label === undefined) return withoutLabel(name, versions);
  if (versions.length === 0) {
    return {
      say: 'The project has no model yet. Take in its rows, where that is not done, and train:',
      commands: [`npx millrace ingest ${name} --file FILE`, `npx millrace train ${name}`],
    };
  }
  const blessed = versions.filter((each) => each.blessed).at(-1);
  if (blessed === undefined) {
    return {
      say: 'No version has passed its gates, so none is served. The reasons, and another try:',
      commands: [`npx millrace models ${name}`, `npx millrace train ${name}`],
    };
  }
  return {
    say: `Version ${blessed.version} is blessed and not served yet. Where the project does not roll out by itself:`,
    commands: [`npx millrace rollout start ${name} ${blessed.version}`],
  };
}

/** Nothing is trained, and so nothing blessed: a model that somebody has is watched. */
function withoutLabel(name: string, versions: Progress['versions']): Next {
  const newest = versions.at(-1);
  if (newest !== undefined) {
    return {
      say: `Version ${newest.version} is registered and not served yet:`,
      commands: [`npx millrace rollout start ${name} ${newest.version}`],
    };
  }
  return {
    say: 'The project has no label, so nothing is trained for it. A model that you have already is watched:',
    commands: [`npx millrace models register FILE --project ${name} --unjudged`],
  };
}

/** What a client sends: the columns that the features are made of. */
function exampleRow({ features, data }: Project): Record<string, unknown> {
  const columns = features.flatMap(({ name }) => {
    const column = data.columns.find((each) => each.name === name);
    const source = column?.derive === undefined ? name : column.derive.from;
    return data.columns.find((each) => each.name === source) ?? [];
  });
  return Object.fromEntries(columns.map((column) => [column.name, exampleValue(column)]));
}

function exampleValue({ type, min, max, domain }: ColumnSpec): unknown {
  if (type === 'boolean') return true;
  if (type === 'timestamp') return '2026-01-31T12:00:00Z';
  if (type === 'text') return domain?.[0] ?? 'TEXT';
  return min ?? max ?? 1;
}

/** As one word of a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
