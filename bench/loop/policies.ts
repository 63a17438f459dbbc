// The policies that are compared, each a project file of its own for the same project; everything that is not named has
// the default of the project file. Fixed ones look at the calendar or at nothing; on every alarm is what a project has
// that says nothing.

import { type Project, parseProject } from '@millrace/project';
import type { Stream } from './stream.js';

export interface Policy {
  readonly name: string;
  /** `retrain` of the project file; `price`: of a retraining. */
  readonly retrain: (price: number) => string;
  readonly knowsPrices: boolean;
  /** What the others are compared with. */
  readonly isFixed: boolean;
}

/** A schedule whose last hour is left out: a retraining begins some minutes after the end of a day. */
const everyDays = (days: number) => `{ policy: schedule, every: ${24 * days - 1}h }`;

const fixed = (name: string, retrain: string): Policy => ({
  ...{ name, isFixed: true, knowsPrices: false, retrain: () => retrain },
});

/** The one that is judged. */
export const COST: Policy = {
  ...{ name: 'cost', isFixed: false, knowsPrices: true },
  retrain: (price) => `{ policy: cost, prices: { retraining: ${price} } }`,
};

export const POLICIES: readonly Policy[] = [
  fixed('never', '{ onDrift: false }'),
  fixed('always', everyDays(1)),
  ...[2, 5, 10, 20].map((days) => fixed(`every ${days} days`, everyDays(days))),
  fixed('alarm', '{}'),
  COST,
];

/** A project with the stream's columns. */
export function projectOf({ watched, delay }: Stream, retrain: string): Project {
  const names = watched.map(({ name }) => name);
  const text = `name: regret
data:
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
${names.map((name) => `    - { name: ${name}, type: number }`).join('\n')}
    - { name: segment, type: text }
    - { name: outcome, type: boolean, outcome: true }
  label: { name: outcome, column: outcome, delay: ${delay}d }
features:
${names.map((name) => `  - { name: ${name}, kind: numeric }`).join('\n')}
  - { name: segment, kind: categorical }
retrain: ${retrain}
`;
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}
