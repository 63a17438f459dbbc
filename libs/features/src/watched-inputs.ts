// What drift of a model's inputs is watched on: every raw input once, as a number or as a category. An input that any
// feature treats as categorical is categorical (integers as "7").

import type { FittedPlan } from './plan.js';

export interface WatchedInput {
  readonly name: string;
  readonly kind: 'numeric' | 'categorical';
}

/** In signature order. */
export function watchedInputs({ inputs, steps, leftOut = [] }: FittedPlan): WatchedInput[] {
  const categorical = new Set(
    [...steps, ...leftOut].flatMap((step) => (step.kind === 'categorical' ? [step.input] : [])),
  );
  return [...new Set(inputs.map(({ name }) => name))].map((name) => ({
    name,
    kind: categorical.has(name) ? 'categorical' : 'numeric',
  }));
}
