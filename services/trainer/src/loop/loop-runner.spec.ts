import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion, ManualClock, PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { LoopRunner, type LoopStore } from './loop-runner.js';
import type { LoopEffect, LoopInput, LoopState } from './loop-state.js';

const project = {
  name: 'p',
  rollout: { automatic: true },
  retrain: {
    onDrift: true,
    features: [],
    versions: 2,
    settleVersions: 0,
    evaluationShare: 0.2,
    warmStart: true,
    cooldownMs: 1_000,
    budgetPerDay: 3,
    approval: 'automatic',
  },
} as unknown as Project;

const drift: LoopInput = {
  kind: 'drift',
  eventId: 'e',
  feature: 'hour',
  detector: 'psi',
  value: 1,
  threshold: 0.2,
  windowStartMs: 0,
  windowEndMs: 10,
  cohort: cohortOfVersion(1),
  correlationId: 'c1',
};
const live: LoopInput = { kind: 'route', liveVersion: 1, previousVersion: 0, phase: 'promoted', message: '' };

class MemoryStore implements LoopStore {
  readonly states = new Map<string, LoopState>();

  async load(name: string): Promise<LoopState | null> {
    return this.states.get(name) ?? null;
  }

  async save(name: string, state: LoopState): Promise<void> {
    this.states.set(name, structuredClone(state));
  }
}

function make(store: MemoryStore, fail: () => boolean = () => false) {
  const done: LoopEffect[] = [];
  const perform = async (_project: string, effect: LoopEffect) => {
    if (fail()) throw new PlatformError('unavailable', 'no broker');
    done.push(effect);
  };
  const report = { info: () => undefined, error: () => undefined };
  const runner = new LoopRunner(
    store,
    { startTraining: perform, startRollout: perform, rollback: perform },
    new ManualClock(1),
    report,
  );
  return { runner, done };
}

describe('LoopRunner', () => {
  it('saves before it acts, so that a crash repeats the effect with the same id', async () => {
    const store = new MemoryStore();
    const first = make(store);
    await first.runner.define(project);
    await first.runner.apply('p', live);
    await first.runner.apply('p', drift);
    expect(first.done).toMatchObject([{ kind: 'start_training', trainingId: 'c1' }]);
    const second = make(store);
    await second.runner.define(project);
    expect(second.done).toEqual(first.done);
    expect(second.runner.stateOf('p').phase).toBe('training');
  });

  it('tries an effect again that failed for now', async () => {
    let down = true;
    const { runner, done } = make(new MemoryStore(), () => down);
    await runner.define(project);
    await runner.apply('p', live);
    await runner.apply('p', drift);
    expect(done).toEqual([]);
    down = false;
    await runner.tick();
    expect(done).toMatchObject([{ kind: 'start_training' }]);
    await runner.tick();
    expect(done).toHaveLength(1);
  });

  it('applies inputs of one project in order', async () => {
    const { runner } = make(new MemoryStore());
    await runner.define(project);
    await Promise.all([runner.apply('p', live), runner.apply('p', drift), runner.apply('p', { kind: 'stop' })]);
    expect(runner.stateOf('p').phase).toBe('stopped');
    await expect(runner.apply('unknown', drift)).resolves.toBeUndefined();
    expect(() => runner.stateOf('unknown')).toThrow('[not_found]');
  });
});
