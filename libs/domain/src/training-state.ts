// The states of a training, and the kinds of step that it reports on its way.

export const TRAINING_STATES = ['queued', 'running', 'finished', 'failed'] as const;
export type TrainingState = (typeof TRAINING_STATES)[number];

export const TRAINING_STEPS = ['requested', 'started', 'progress', 'finished', 'failed'] as const;
export type TrainingStepKind = (typeof TRAINING_STEPS)[number];
