export { ALPHA } from './correction.js';
export type { DetectorOption } from './detector.js';
export { type OptionValues, optionsOf } from './options.js';
export { blamesVersion, FORMULAS, formulaOf } from './registry.js';
export { type Examined, runTests, type TestResult } from './run-tests.js';
export { SUBJECT_GROUPS, SUBJECTS, type SubjectGroup, subjectNames } from './subjects.js';
