// Metrics of the audit; a part of names.ts.

export const AUDIT_METRICS = {
  'millrace.audit.entries': {
    kind: 'counter',
    unit: '{entry}',
    description: 'Entries of the audit, by what became of them: written, or dropped while the broker was away',
    labels: ['outcome'],
  },
} as const;
