// Metrics of running A/B/n experiments, one at a time a project; a part of names.ts. Their series end with it. All but
// the verdict are rendered by the router itself (its src/outcomes).

export const EXPERIMENT_METRICS = {
  'millrace.router.experiment_share_percent': {
    kind: 'gauge',
    unit: '%',
    description: 'Live traffic that an arm of a running experiment is to have',
    labels: ['project', 'experiment', 'version'],
  },
  'millrace.router.experiment_arm_ready': {
    kind: 'gauge',
    unit: '1',
    description: 'Whether serving has the arm: 1 yes, 0 no, and its share goes to the control arm',
    labels: ['project', 'experiment', 'version'],
  },
  'millrace.router.experiment_answers': {
    kind: 'counter',
    unit: '{request}',
    description: 'Answers of an arm to requests that were drawn for it, by outcome: ok, failed',
    labels: ['project', 'experiment', 'version', 'outcome'],
  },
  'millrace.router.experiment_verdict': {
    kind: 'gauge',
    unit: '1',
    description: 'An arm against the control arm: 1 not worse, -1 worse, 0 not decided',
    labels: ['project', 'experiment', 'version'],
  },
} as const;
