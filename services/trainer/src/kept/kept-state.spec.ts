import { describe, expect, it } from '@jest/globals';
import { decodeTrainerEntry, encodeTrainerEntry } from '@millrace/contracts';
import type { TrainingRequest } from '@millrace/domain';
import { initialLoopState, type LoopState } from '../loop/loop-state.js';
import { KeptState } from './kept-state.js';

const REQUEST: TrainingRequest = {
  ...{ project: 'shop', datasetVersions: ['d'], evaluateFromMs: 0, evaluationShare: 0.2, warmStartVersion: 0 },
  ...{ workers: 2, seed: 3, correlationId: 'c', trigger: 'drift' },
};

/** Two trainers on one topic: what one writes the other is told, as bytes. */
function trainers(earlier: Record<string, LoopState> = {}) {
  const followers: KeptState[] = [];
  const files = new Map(Object.entries(earlier));
  const make = () => {
    const state = new KeptState(
      async (key, entry) => {
        const bytes = entry === null ? null : encodeTrainerEntry(entry);
        for (const each of followers) if (each !== state) each.told(key, bytes && decodeTrainerEntry(bytes));
      },
      {
        load: async (project, createdAtMs) => (createdAtMs === 0 ? (files.get(project) ?? null) : null),
        remove: async (project) => void files.delete(project),
      },
    );
    followers.push(state);
    return state;
  };
  return { one: make(), two: make(), files };
}

describe('what a trainer keeps', () => {
  it('is there for the next one: loops by project and time of creation, requests until they have ended', async () => {
    const { one, two } = trainers();
    const state = { ...initialLoopState(), liveVersion: 3, handledVersion: 2 };
    await one.save('shop', 7, state);
    await one.keep('t-1', REQUEST, 7);
    await one.keep('t-2', { ...REQUEST, seed: 4 }, 7);
    await one.forget('shop', 't-1');
    expect(await two.load('shop', 7)).toEqual(state);
    expect(await two.load('shop', 8)).toBeNull();
    expect(two.kept()).toEqual([{ trainingId: 't-2', request: { ...REQUEST, seed: 4 }, projectCreatedAtMs: 7 }]);
    await two.remove('shop');
    expect(await one.projects()).toEqual([]);
    expect(await one.load('shop', 7)).toBeNull();
  });

  it('begins with what release 0.1.0 kept in files, and goes on from there', async () => {
    const { one, two, files } = trainers({ shop: { ...initialLoopState(), handledVersion: 5 } });
    const found = await one.load('shop', 0);
    expect(found?.handledVersion).toBe(5);
    await one.save('shop', 0, { ...(found as LoopState), handledVersion: 6 });
    expect((await two.load('shop', 0))?.handledVersion).toBe(6);
    // The next process may have to skip the entry: a state of that release must not come back then.
    expect(files.size).toBe(0);
  });

  it('takes the file of a deleted project away, too', async () => {
    const { one, files } = trainers({ shop: initialLoopState() });
    await one.remove('shop');
    expect(files.size).toBe(0);
  });

  it('has an initial value for what a later release adds to a state', async () => {
    const { one } = trainers();
    one.told('shop', { project: 'shop', projectCreatedAtMs: 1, trainingId: '', document: '{"liveVersion":4}' });
    expect(await one.load('shop', 1)).toEqual({ ...initialLoopState(), liveVersion: 4 });
  });
});
