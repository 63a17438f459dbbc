import { describe, expect, it } from '@jest/globals';
import { type Experiment, emptyRoute, GRPC_STATUS } from '@millrace/routing';
import { EvidenceBook } from '../analysis/evidence-book.js';
import { prometheusExperiments } from './experiment-metrics.js';
import { prometheusRoutes } from './rollout-metrics.js';

const slots = (from: number) => Array.from({ length: 50 }, (_, i) => from + i);
const EXPERIMENT: Experiment = {
  ...{ name: 'prices', salt: 1, control: 3, share: 20, startedBy: 'ada', fromRevision: 7 },
  arms: [
    { version: 3, weight: 50, slots: slots(0), isReady: true },
    { version: 4, weight: 50, slots: slots(50), isReady: false },
  ],
  ...{ startedAtMs: 1, endsAtMs: 2 },
};
const ROUTE = { ...emptyRoute('p'), targets: [{ version: 3, weight: 100, name: 'blue' }], experiment: EXPERIMENT };
const samples = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('metrics of experiments', () => {
  it('say of each arm its share, whether it is there, and what it answered', () => {
    const book = new EvidenceBook();
    book.watch({ project: 'p', version: 3, fromRevision: 7 }, [3]);
    for (const status of [GRPC_STATUS.OK, GRPC_STATUS.OK, GRPC_STATUS.INTERNAL])
      book.answered('p', 3, { status, elapsedMs: 1, response: new Uint8Array(0), isStream: false, drawnBy: 'a' });
    const of = (version: number) => `project="p",experiment="prices",version="${version}"`;
    expect(samples(prometheusExperiments([ROUTE, emptyRoute('q')], book))).toEqual([
      `millrace_router_experiment_share_percent{${of(3)}} 10`,
      `millrace_router_experiment_share_percent{${of(4)}} 10`,
      `millrace_router_experiment_arm_ready{${of(3)}} 1`,
      `millrace_router_experiment_arm_ready{${of(4)}} 0`,
      `millrace_router_experiment_answers_total{${of(3)},outcome="ok"} 2`,
      `millrace_router_experiment_answers_total{${of(3)},outcome="failed"} 1`,
    ]);
    // The share of all traffic is the one in force: the control arm has what is not there.
    expect(samples(prometheusRoutes([ROUTE]))).toEqual(['millrace_router_share_percent{project="p",version="3"} 100']);
  });

  it('end with the experiment', () => {
    const end = { atMs: 2, reason: 'x', by: '', winner: 0 };
    const ended = { ...ROUTE, experiment: { ...EXPERIMENT, end } };
    expect(samples(prometheusExperiments([ended], new EvidenceBook()))).toEqual([]);
  });
});
