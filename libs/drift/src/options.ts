// The options of all detectors, by group of subjects: what a project's settings and their documentation are made of.

import type { DetectorOption } from './detector.js';
import { DETECTORS } from './registry.js';
import { SUBJECTS, type SubjectGroup } from './subjects.js';

/** Values by option key. */
export type OptionValues = Readonly<Record<string, number>>;

/** Every option of a group's detectors, in the order of the registry. */
export function optionsOf(group: SubjectGroup): Readonly<Record<string, DetectorOption>> {
  const own = DETECTORS.filter((detector) => detector.subjects.some((subject) => SUBJECTS[subject].group === group));
  return Object.fromEntries(own.flatMap((detector) => Object.entries(detector.options)));
}
