import { describe, expect, it } from '@jest/globals';
import { emptyRoute, type Route } from '@millrace/routing';
import { prometheusRoutes } from './rollout-metrics.js';

const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const inSteps: Route = {
  ...emptyRoute('p'),
  targets: [target(1, 80), target(2, 20)],
  rollout: {
    ...{ phase: 'progressing', version: 2, message: '' },
    steps: {
      ...{ plan: [{ weight: 5 }, { weight: 20 }], at: 1, sinceMs: 1, fromRevision: 3, salt: 9 },
      ...{ baseline: [{ version: 1, weight: 100 }], pause: { sinceMs: 2, reason: 'x', by: '' } },
    },
  },
};

describe('metrics of routes', () => {
  it('tell the share of each version and the step of a rollout', () => {
    const lines = prometheusRoutes([inSteps]).split('\n');
    expect(lines).toContain('millrace_router_share_percent{project="p",version="1"} 80');
    expect(lines).toContain('millrace_router_share_percent{project="p",version="2"} 20');
    expect(lines).toContain('millrace_router_rollout_step{project="p",version="2"} 2');
  });

  it('tell that an aborted version has nothing, and no step', () => {
    const rollout = { phase: 'failed' as const, version: 2, message: 'aborted' };
    const text = prometheusRoutes([{ ...inSteps, targets: [target(1, 100)], rollout }]);
    expect(text).toContain('millrace_router_share_percent{project="p",version="2"} 0\n');
    expect(text).not.toContain('millrace_router_rollout_step{');
  });
});
