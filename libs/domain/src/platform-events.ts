// What a platform tells other systems of a project, step by step: the words by which a project file chooses, and the
// CloudEvents type that each of them is.

export const PLATFORM_EVENTS = [
  'drift.detected',
  'drift.ended',
  'drift.corrected',
  'training.begun',
  'training.ended',
  'version.blessed',
  'version.refused',
  'rollout.started',
  'rollout.step',
  'rollout.promoted',
  'rollout.paused',
  'rollout.resumed',
  'rollout.superseded',
  'rollout.aborted',
  'rollout.rolling_back',
  'rollout.rolled_back',
  'experiment.started',
  'experiment.ended',
  'approval.asked',
  'approval.given',
  'approval.refused',
  'approval.expired',
  'approval.withdrawn',
  'loop.waiting',
] as const;
export type PlatformEvent = (typeof PLATFORM_EVENTS)[number];

/** Of an event, or of the trial that a person asks for. */
export function eventType(event: PlatformEvent | 'webhook.test'): string {
  return `dev.millrace.${event}.v1`;
}
