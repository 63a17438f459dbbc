// What the monitor's registry of detectors says of itself: formulas by test, titles of subjects that are no features.

/** @type {Record<string, string>} */
let formulas = {};
/** @type {Record<string, string>} */
let titles = {};

/** @param {import('./answers.js').Detectors} answer */
export function learnDetectors(answer) {
  formulas = answer.formulas;
  titles = answer.subjects;
}

export const formulaOf = (detector) => formulas[detector] ?? '';
export const nameOf = (subject) => titles[subject] ?? subject;
