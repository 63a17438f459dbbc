import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion, ManualClock, PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { LoopRunner, type LoopStore } from './loop-runner.js';
import { DAY_MS, type LoopEffect, type LoopInput, type LoopState } from './loop-state.js';

const project = {
  name: 'p',
  scope: { metric: 'log_loss' },
  rollout: { automatic: true, probation: { share: 1, forMs: 0 } },
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
const live: LoopInput = {
  ...{ kind: 'route', revision: 1, liveVersion: 1, previousVersion: 0, rolloutVersion: 1 },
  ...{ phase: 'promoted', message: '' },
};

class MemoryStore implements LoopStore {
  readonly states = new Map<string, LoopState>();
  /** Their states cannot be saved for now. */
  readonly refused = new Set<string>();

  async load(name: string, createdAtMs: number): Promise<LoopState | null> {
    return this.states.get(`${name}@${createdAtMs}`) ?? null;
  }

  async save(name: string, createdAtMs: number, state: LoopState): Promise<void> {
    if (this.refused.has(name)) throw new PlatformError('unavailable', 'no broker');
    this.states.set(`${name}@${createdAtMs}`, structuredClone(state));
  }

  async remove(name: string): Promise<void> {
    for (const key of this.states.keys()) if (key.startsWith(`${name}@`)) this.states.delete(key);
  }

  async projects(): Promise<string[]> {
    return [...this.states.keys()].map((key) => key.split('@')[0] as string);
  }
}

/** One on the wall, which may be set, and one that only goes on. */
class TwoClocks extends ManualClock {
  setMs = 1;

  override nowMs(): number {
    return this.monotonicMs() + this.setMs;
  }
}

function make(store: MemoryStore, fail: () => boolean = () => false) {
  const done: LoopEffect[] = [];
  const perform = async (_project: string, effect: LoopEffect) => {
    if (fail()) throw new PlatformError('unavailable', 'no broker');
    done.push(effect);
  };
  const clock = new TwoClocks();
  const errors: unknown[] = [];
  const report = {
    info: () => undefined,
    error: (_message: string, facts: Record<string, unknown>) => void errors.push(facts.project),
  };
  const runner = new LoopRunner(
    store,
    { startTraining: perform, startRollout: perform, rollback: perform, compare: perform },
    clock,
    report,
  );
  return { runner, done, clock, errors };
}

describe('LoopRunner', () => {
  it('saves before it acts, so that a crash repeats the effect with the same id', async () => {
    const store = new MemoryStore();
    const first = make(store);
    await first.runner.define(project, 0);
    await first.runner.apply('p', live);
    await first.runner.apply('p', drift);
    expect(first.done).toMatchObject([{ kind: 'start_training', trainingId: 'c1' }]);
    const second = make(store);
    await second.runner.define(project, 0);
    expect(second.done).toEqual(first.done);
    expect(second.runner.stateOf('p').phase).toBe('training');
  });

  it('tries an effect again that failed for now, for hours and ever more seldom', async () => {
    let down = true;
    const { runner, done, clock, errors } = make(new MemoryStore(), () => down);
    await runner.define(project, 0);
    await runner.apply('p', live);
    await runner.apply('p', drift);
    for (let second = 0; second < 7_200; second++) {
      clock.advance(1_000);
      await runner.tick();
    }
    expect(done).toEqual([]);
    // Inputs that change nothing of it do not end it.
    await runner.apply('p', { kind: 'dataset_gone', id: 'none' });
    expect(errors.length).toBeLessThan(7_200 / 60 + 10);
    down = false;
    for (let second = 0; second < 60; second++) {
      clock.advance(1_000);
      await runner.tick();
    }
    expect(done).toMatchObject([{ kind: 'start_training' }]);
  });

  it('begins nothing that was stopped while it could not be begun', async () => {
    let down = true;
    const { runner, done, clock } = make(new MemoryStore(), () => down);
    await runner.define(project, 0);
    await runner.apply('p', live);
    await runner.apply('p', drift);
    await runner.apply('p', { kind: 'stop' });
    down = false;
    clock.advance(60_000);
    await runner.tick();
    expect([done, runner.stateOf('p').phase]).toEqual([[], 'stopped']);
  });

  it('ends the episode of a training that is refused for ever, also where that cannot be saved at once', async () => {
    const store = new MemoryStore();
    const { runner, clock } = make(store, () => {
      throw new PlatformError('not_found', 'no dataset version "a"');
    });
    await runner.define(project, 0);
    await runner.apply('p', live);
    const save = store.save.bind(store);
    let saves = 0;
    store.save = async (...state) => {
      if (++saves === 2) throw new PlatformError('unavailable', 'no broker');
      return save(...state);
    };
    await runner.apply('p', drift);
    expect(runner.stateOf('p').phase).toBe('training');
    clock.advance(1_000);
    await runner.tick();
    const { phase, history } = runner.stateOf('p');
    expect([phase, history.at(-1)?.message]).toEqual(['cooling', 'the retraining failed: no dataset version "a"']);
  });

  it('goes on after a state that could not be saved: with that input again, and with other projects', async () => {
    const store = new MemoryStore();
    const { runner, clock, errors } = make(store);
    for (const name of ['p', 'q']) {
      await runner.define({ ...project, name } as Project, 0);
      await runner.apply(name, live);
      await runner.apply(name, drift);
    }
    const failed: LoopInput = { kind: 'training_failed', trainingId: 'c1', message: 'm' };
    store.refused.add('p');
    await expect(runner.apply('p', failed)).rejects.toThrow('no broker');
    expect(runner.stateOf('p').phase).toBe('training');
    store.refused.clear();
    for (const name of ['p', 'q']) await runner.apply(name, failed);
    expect(runner.stateOf('p').phase).toBe('cooling');
    clock.advance(2_000);
    store.refused.add('p');
    await runner.tick();
    expect([runner.stateOf('p').phase, runner.stateOf('q').phase, errors]).toEqual(['cooling', 'calm', ['p']]);
    store.refused.clear();
    await runner.tick();
    expect(runner.stateOf('p').phase).toBe('calm');
  });

  it('waits no longer where the clock on the wall is set back, as often as it is, and saves what that makes of its times', async () => {
    const store = new MemoryStore();
    const { runner, clock } = make(store);
    clock.setMs = 10 * DAY_MS;
    await runner.define(project, 0);
    await runner.apply('p', live);
    await runner.apply('p', { kind: 'model', version: 2, trainingId: 'hand', blessed: true, verdict: '' });
    let minutes = 0;
    for (; runner.stateOf('p').phase === 'rolling_out' && minutes < 1_000; minutes++) {
      clock.advance(60_000);
      // Twice 25 minutes and once two days; and every minute by less than a second, which adds up.
      clock.setMs -= { 20: 1_500_000, 40: 2 * DAY_MS, 60: 1_500_000 }[minutes] ?? 700;
      store.refused.clear();
      if (minutes === 40) store.refused.add('p'); // the next tick tells it
      await runner.tick();
    }
    expect([minutes, runner.stateOf('p').phase]).toEqual([125, 'cooling']);
    expect(
      store.states.get('p@0')?.history.filter(({ message }) => message.startsWith('the clock was set back by')),
    ).not.toEqual([]);
  });

  it('adds at most what the clock was set back by while no trainer ran', async () => {
    const store = new MemoryStore();
    const first = make(store);
    first.clock.setMs = 10 * DAY_MS;
    await first.runner.define(project, 0);
    await first.runner.apply('p', live);
    await first.runner.apply('p', { kind: 'model', version: 2, trainingId: 'hand', blessed: true, verdict: '' });
    for (const setBackMs of [0, 1_500_000, 2 * DAY_MS]) {
      const { runner, clock } = make(store);
      // Half an hour after it was begun.
      clock.setMs = 10 * DAY_MS + 1_800_000 - setBackMs;
      await runner.define(project, 0);
      let minutes = 30;
      for (; runner.stateOf('p').phase === 'rolling_out' && minutes < 1_000; minutes++) {
        clock.advance(60_000);
        await runner.tick();
      }
      expect(minutes).toBe(125 + Math.min(setBackMs / 60_000, 30));
      store.states.set('p@0', first.runner.stateOf('p'));
    }
  });

  it('applies inputs of one project in order', async () => {
    const { runner } = make(new MemoryStore());
    await runner.define(project, 0);
    await Promise.all([runner.apply('p', live), runner.apply('p', drift), runner.apply('p', { kind: 'stop' })]);
    expect(runner.stateOf('p').phase).toBe('stopped');
    await expect(runner.apply('unknown', drift)).resolves.toBeUndefined();
    expect(() => runner.stateOf('unknown')).toThrow('[not_found]');
  });

  it('ends with its project: nothing is repeated, and what is kept goes', async () => {
    const store = new MemoryStore();
    let down = true;
    const { runner, done } = make(store, () => down);
    await runner.define(project, 0);
    await runner.apply('p', live);
    await runner.apply('p', drift);
    await runner.forget('p');
    await runner.tidy();
    expect(await store.projects()).toEqual([]);
    down = false;
    await runner.tick();
    expect(done).toEqual([]);
    await expect(runner.apply('p', drift)).resolves.toBeUndefined();
  });

  it('begins anew for a project of the same name, whether or not it saw the other one go', async () => {
    for (const seen of [true, false]) {
      const store = new MemoryStore();
      const first = make(store);
      await first.runner.define(project, 100);
      await first.runner.apply('p', live);
      await first.runner.apply('p', drift);
      // Killed in the middle of the deletion: what was kept is still there.
      const { runner, done } = seen ? first : make(store);
      if (seen) await runner.forget('p');
      first.done.length = 0;
      await runner.define(project, 200);
      expect(runner.stateOf('p')).toMatchObject({ phase: 'calm', liveVersion: 0, history: [] });
      // What was written before the project was created is none of its business.
      await runner.apply('p', live, 150);
      await runner.apply('p', { kind: 'model', version: 1, trainingId: 't', blessed: true, verdict: '' }, 199);
      expect([runner.stateOf('p').liveVersion, done]).toEqual([0, []]);
      await runner.apply('p', { kind: 'model', version: 2, trainingId: 't', blessed: true, verdict: '' }, 200);
      expect(done).toMatchObject([{ kind: 'start_rollout', version: 2 }]);
    }
  });
});
