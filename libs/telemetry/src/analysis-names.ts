// Metrics of the analysis of rollouts; a part of names.ts.

export const ANALYSIS_METRICS = {
  'millrace.router.analysis_verdict': {
    kind: 'gauge',
    unit: '1',
    description: 'Whether the version of a rollout under way is good: 1 yes, -1 no, 0 not decided',
    labels: ['project', 'version'],
  },
  'millrace.router.analysis_evidence': {
    kind: 'gauge',
    unit: '1',
    description: 'Evidence against the version of a rollout, as a part of what an abort takes: at 1 it is aborted',
    labels: ['project', 'version', 'criterion'],
  },
} as const;
