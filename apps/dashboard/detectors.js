// What the monitor's registry of detectors says of itself: formulas by test, titles of subjects that are no features.

let formulas = {};
let titles = {};

export function learnDetectors(answer) {
  formulas = answer.formulas;
  titles = answer.subjects;
}

export const formulaOf = (detector) => formulas[detector] ?? '';
export const nameOf = (subject) => titles[subject] ?? subject;
