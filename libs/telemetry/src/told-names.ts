// Metrics of what others are told of the platform's doings, webhooks and the audit; a part of names.ts.

export const TOLD_METRICS = {
  'millrace.audit.entries': {
    kind: 'counter',
    unit: '{entry}',
    description: 'Entries of the audit, by what became of them: written, or dropped while the broker was away',
    labels: ['outcome'],
  },
  'millrace.monitor.webhooks_sent': {
    kind: 'counter',
    unit: '{delivery}',
    description: 'Tries to deliver an event to a webhook, and events that were given up, by what became of them',
    labels: ['outcome'],
  },
  'millrace.monitor.webhooks_waiting': {
    kind: 'gauge',
    unit: '{delivery}',
    description: 'Deliveries that wait for their webhook, all projects together',
    labels: [],
  },
} as const;
