// Metrics of rollouts: their analysis, what a preview and what a fallback version answered; a part of names.ts.

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
  'millrace.router.preview_requests': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to the preview of a version without traffic, by gRPC status; no part of the live ones',
    labels: ['project', 'version', 'status'],
  },
  'millrace.router.fallbacks': {
    kind: 'counter',
    unit: '{request}',
    description: 'Requests whose version failed: answered by the fallback, failed there too, or over the budget',
    labels: ['project', 'version', 'fallback', 'result'],
  },
} as const;
