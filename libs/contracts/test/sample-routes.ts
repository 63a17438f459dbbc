// Routes as samples of their codec: one as release 0.1 writes it, and one with a rollout in steps.

import type { Route } from '@millrace/routing';

export const ROUTES: readonly (readonly [string, Route])[] = [
  [
    'route',
    {
      project: 'demo',
      revision: 9,
      targets: [
        { version: 1, weight: 90, name: 'blue' },
        { version: 2, weight: 10, name: 'green' },
      ],
      shadows: [],
      shadowShare: 0,
      loadedVersions: [1, 2],
      previousVersion: 1,
      rollout: { phase: 'progressing', version: 2, message: '' },
      changedAtMs: 1_795_449_600_123,
      reason: 'rollout',
      correlationId: 'k-1',
      recentCommandIds: [],
    },
  ],
  [
    'route-in-steps',
    {
      project: 'demo',
      revision: 9,
      targets: [
        { version: 1, weight: 80, name: 'blue' },
        { version: 2, weight: 20, name: 'green' },
      ],
      shadows: [],
      shadowShare: 0,
      loadedVersions: [1, 2],
      previousVersion: 1,
      rollout: {
        phase: 'progressing',
        version: 2,
        message: '',
        steps: {
          plan: [{ weight: 5, forMs: 600_000 }, { weight: 20, forMs: 0 }, { weight: 50 }],
          at: 1,
          sinceMs: 1_795_449_600_000,
          dueMs: 1_795_449_600_000,
          fromRevision: 7,
          salt: 4_000_000_000,
          baseline: [{ version: 1, weight: 100 }],
          pause: { sinceMs: 1_795_449_600_100, reason: 'inconclusive', by: 'analysis' },
        },
      },
      changedAtMs: 1_795_449_600_123,
      reason: 'rollout',
      correlationId: 'k-1',
      recentCommandIds: ['c-1'],
    },
  ],
];
