// Policy cost: a retraining begins where it would save more than it costs, and what retrainings have gained is learned.

import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion } from '@millrace/domain';
import { drift, live, model, policy, dataset as small } from '../../test/a-loop.js';
import { advance } from './loop-advance.js';
import { paying, savingOf, savingText } from './loop-cost.js';
import { initialLoopState, type LoopEffect, type LoopInput, type LoopPolicy, type LoopState } from './loop-state.js';

const ROWS = 500;
const HOUR_MS = 3_600_000;

const dataset = (n: number, labelledRows = ROWS): LoopInput => {
  const one = small(n) as Extract<LoopInput, { kind: 'dataset' }>;
  return { ...one, dataset: { ...one.dataset, labelledRows } };
};

const weighing = (retraining: number, loss = 1): LoopPolicy => ({
  ...policy,
  retrain: { ...policy.retrain, onDrift: false, features: [], versions: 2, prices: { retraining, loss } },
});

const quality = (
  n: number,
  loss: number,
  version = 1,
  over: Partial<Extract<LoopInput, { kind: 'quality' }>> = {},
) => ({
  ...{ kind: 'quality' as const, version, startMs: n * 10, endMs: n * 10 + 10, predictions: ROWS, rows: ROWS, loss },
  ...{ positiveShare: 0.4, meanScore: 0.4, ...over },
});

/** Windows and their rows, one after the other, an hour of processing time each. */
function told(inputs: readonly (readonly LoopInput[])[], by: LoopPolicy, from: LoopState, fromHour = 1) {
  let state = from;
  const effects: LoopEffect[] = [];
  inputs.forEach((of, i) => {
    for (const input of [...of, { kind: 'tick' } as const]) {
      const result = advance(state, input, by, (fromHour + i) * HOUR_MS);
      state = result.state;
      effects.push(...result.effects);
    }
  });
  return { state, effects };
}

const inService = (by: LoopPolicy, loss = 0.5): LoopState => {
  const first = { ...model(1, 'first'), judged: { rows: 300, loss } } as LoopInput;
  return told([[first, live(1)]], by, initialLoopState()).state;
};
const days = (losses: readonly number[], from = 1) =>
  losses.map((loss, i) => [dataset(from + i), quality(from + i, loss)] as LoopInput[]);

const CALM = [0.51, 0.49, 0.5, 0.51, 0.49, 0.5];
const WORSE = [0.62, 0.63, 0.61];

describe('a retraining', () => {
  it('begins where it would save more than it costs, and says the sum; at a higher price it does not', () => {
    const cheap = told(days([...CALM, ...WORSE]), weighing(60), inService(weighing(60)));
    expect(cheap.effects).toMatchObject([
      { kind: 'start_training', trigger: 'cost', trainingId: expect.stringMatching(/^p-cost-/) },
    ]);
    expect(cheap.state.history.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(
        /^a retraining would save about \d+ \(\d+ to \d+\) until 1970-01-\d\dT\d\d:\d\dZ, it costs 60$/,
      ),
    );
    expect(told(days([...CALM, ...WORSE]), weighing(60_000), inService(weighing(60_000))).effects).toEqual([]);
    // What a loss costs scales the other side of it.
    expect(told(days([...CALM, ...WORSE]), weighing(60_000, 1_000), inService(weighing(60_000))).effects).toHaveLength(
      1,
    );
  });

  it('begins for no loss that stays where it was, and for none that has passed', () => {
    const by = weighing(60);
    expect(told(days([...CALM, ...CALM, ...CALM]), by, inService(by)).effects).toEqual([]);
    const storm = told(days([...CALM, 0.7]), weighing(600), inService(weighing(600)));
    expect(storm.effects).toEqual([]);
    expect(told(days([0.5, 0.49, 0.51], 8), weighing(60), storm.state, 9).effects).toEqual([]);
  });

  it('begins for scores that are off the labels, though the loss falls', () => {
    const by = weighing(60);
    const off = [7, 8, 9].map((n) => [dataset(n), quality(n, 0.45, 1, { positiveShare: 0.25, meanScore: 0.4 })]);
    expect(told([...days(CALM), ...off], by, inService(by)).effects).toHaveLength(1);
    expect(told([...days(CALM), ...days([0.45, 0.45, 0.45], 7)], by, inService(by)).effects).toEqual([]);
  });

  it('waits for rows from after the change', () => {
    const by = weighing(60);
    const before = told(days(CALM), by, inService(by)).state;
    // Windows are judged, their rows are in no dataset version yet.
    const judged = told(
      WORSE.map((loss, i) => [quality(7 + i, loss)]),
      by,
      before,
      8,
    );
    expect(judged.effects).toEqual([]);
    expect(told([[dataset(7), dataset(8)]], by, judged.state, 12).effects).toHaveLength(1);
  });

  it('is weighed by drift where no labels are there yet, and by none that is within its threshold', () => {
    const by = weighing(60);
    const { state } = told(days(CALM), by, inService(by));
    const found = { windowStartMs: 70, windowEndMs: 80, cohort: cohortOfVersion(1), threshold: 0.2 };
    const rows = [dataset(7), dataset(8)];
    expect(told([rows], by, state, 9).effects).toEqual([]);
    const { retrain } = weighing(60);
    const seen = (value: number) => told([[drift({ ...found, value }), ...rows]], weighing(60_000), state, 9).state;
    expect(savingOf(seen(0.6), retrain)?.mean).toBeGreaterThan(2 * (savingOf(seen(0.2), retrain)?.mean as number));
    expect(savingOf(told([rows], by, state, 9).state, retrain)?.mean).toBe(0);
  });
});

describe('what retrainings have gained', () => {
  const by = weighing(60);
  const begun = () => told(days([...CALM, ...WORSE]), by, inService(by)).state;
  const over = (state: LoopState, version: number, blessed: boolean, gained: number) => {
    const { trainingId = '' } = state.episode ?? {};
    const judged = { rows: 300, loss: 0.62 - gained, championLoss: 0.62 };
    return { ...model(version, trainingId, blessed), judged } as LoopInput;
  };

  it('is held against what was expected, and a loop that gains little expects little', () => {
    const state = begun();
    const blessed = (gained: number) => told([[over(state, 2, true, gained), live(2, 1)]], by, state, 20).state;
    const again = (gained: number) => {
      const lost = WORSE.map((loss, i) => quality(11 + i, loss + 0.1, 2));
      const later = told(
        [[...days(CALM, 11).map(([first]) => first as LoopInput), ...lost]],
        weighing(1e6),
        blessed(gained),
        21,
      );
      return savingOf(later.state, by.retrain)?.mean as number;
    };
    expect(blessed(0.02).cost.gains).toMatchObject([{ achieved: expect.closeTo(0.02) }]);
    expect(again(0.01)).toBeGreaterThan(0);
    expect(again(0.01)).toBeLessThan(0.8 * again(0.11));
  });

  it('is nothing where the world has become harder: after two on its rows alone that are no better, it is left alone', () => {
    let state = begun();
    let hour = 20;
    let count = 1;
    let n = 10;
    for (; n < 40; n++, hour++) {
      if (state.phase === 'training') {
        state = told([[over(state, 1 + count, false, -0.005)]], by, state, hour).state;
        count += 1;
      }
      state = told(days([0.62], n), by, state, hour).state;
    }
    expect(count).toBeLessThanOrEqual(4);
    expect(paying(state, by.retrain)).toBeUndefined();
    // It becomes much worse once more: that is another change, and has to last longer than the first had.
    expect(told(days([0.95, 0.94, 0.96, 0.95, 0.95, 0.96], n), by, state, hour).effects).toHaveLength(1);
  });

  it('says little where its rows were of both worlds: the next one waits for rows of the new one alone', () => {
    const cheap = weighing(1);
    const before = told(days(CALM), cheap, inService(cheap)).state;
    const { state } = told(days([0.9], 7), cheap, before, 8);
    expect(state).toMatchObject({ phase: 'training', episode: { datasetVersions: ['d6', 'd7'] } });
    const refused = told([[over(state, 2, false, 0.2)]], cheap, state, 9).state;
    const { predicted = 0 } = state.episode?.expected ?? {};
    expect(refused.cost.gains).toEqual([{ predicted: expect.closeTo(0.3 * predicted), achieved: 0 }]);
    expect(told([[quality(8, 0.9)]], cheap, refused, 10).effects).toEqual([]);
    expect(told(days([0.9], 8), cheap, refused, 10).effects).toMatchObject([{ datasetVersions: ['d7', 'd8'] }]);
  });

  it('says nothing of the world where the training itself went wrong: another one follows on newer rows', () => {
    const state = begun();
    const wrong = told([[over(state, 2, false, -0.3)]], by, state, 20).state;
    expect(told(days([0.62, 0.63], 10), by, wrong, 21).effects.length).toBeGreaterThan(0);
  });
});

describe('the rows that it learns from', () => {
  const growing = (retraining: number, versionsMax: number): LoopPolicy => {
    const by = weighing(retraining);
    return { ...by, retrain: { ...by.retrain, versionsMax } };
  };

  it('are more than retrain.versions where the world is as it was and more rows are worth it, up to versionsMax', () => {
    const learned = (versionsMax: number) => {
      const by = growing(5, versionsMax);
      // The first version learned from few rows.
      const first = { ...model(1, 'first'), judged: { rows: 60, loss: 0.5 } } as LoopInput;
      const there = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => dataset(n));
      const from = told([[first, live(1), ...there]], by, initialLoopState()).state;
      // That a learner needs rows is known of the ones before.
      const lessons = Array.from({ length: 8 }, () => ({ more: 0.004, gained: 0.05, rows: 2_000 }));
      const { effects } = told(days(CALM, 9), by, { ...from, cost: { ...from.cost, lessons } });
      return effects.map((effect) => (effect.kind === 'start_training' ? effect.datasetVersions.length : 0));
    };
    expect(learned(8)[0]).toBe(8);
    expect(learned(7)[0]).toBe(4);
    expect(learned(2)[0]).toBe(2);
  });

  it('are those from after a change alone, where there was one', () => {
    const by = growing(60, 32);
    const { effects } = told(days([...CALM, ...WORSE]), by, inService(by));
    expect(effects).toMatchObject([{ datasetVersions: ['d7', 'd8'] }]);
  });

  it('say by what they gain how much more rows are worth', () => {
    const by = growing(60, 8);
    const state = told(days(CALM), by, inService(by)).state;
    const expected = { predicted: 0, excess: 0, clean: 0, changeMs: 0, more: 0.001, dataThroughMs: 70 };
    const asked = { ...state, phase: 'training', episode: episodeOf(expected) } as unknown as LoopState;
    const judged = { rows: 600, loss: 0.5, championLoss: 0.52 };
    const refused = told([[{ ...model(2, 't', false), judged } as LoopInput]], by, asked, 20).state;
    expect(refused.cost.lessons).toEqual([{ more: 0.001, gained: expect.closeTo(0.02), rows: 600 }]);
    expect(refused.cost.gains).toEqual([]);
    // On nearly the same rows it would come to the same.
    expect(refused.cost.refused).toEqual({ tries: 0, rowsFromMs: 70 });
  });

  const episodeOf = (expected: object) => ({
    ...{ id: 'e', feature: '', detector: '', windowStartMs: 0, windowEndMs: 0, startedAtMs: 0 },
    ...{ datasetVersions: ['d5', 'd6'], trainingId: 't', version: 0, expected },
  });
});

describe('the loss', () => {
  const by = weighing(60);

  it('is told against the best constant guess: days that are harder for everybody are no change', () => {
    const day = (n: number, loss: number, positiveShare: number) =>
      [dataset(n), quality(n, loss, 1, { positiveShare, meanScore: positiveShare })] as LoopInput[];
    const first = { ...model(1, 'first'), judged: { rows: 300, loss: 0.4, positiveShare: 0.2 } } as LoopInput;
    const from = told([[first, live(1)]], by, initialLoopState()).state;
    const calm = [1, 2, 3, 4, 5, 6].map((n) => day(n, 0.4, 0.2));
    // The entropy of 0.4 is larger than that of 0.2 by 0.173.
    const harder = [7, 8, 9].map((n) => day(n, 0.573, 0.4));
    const worse = [7, 8, 9].map((n) => day(n, 0.573, 0.2));
    expect(told([...calm, ...harder], by, from).effects).toEqual([]);
    expect(told([...calm, ...worse], by, from).effects).toHaveLength(1);
  });

  it('of a version that has come back is asked for anew: what it was before it left says nothing', () => {
    const before = told(days([...CALM, ...WORSE]), weighing(60_000), inService(by)).state;
    expect(savingOf(before, by.retrain)?.isDue).toBe(true);
    const back = told([[quality(10, 0.9, 2)]], weighing(60_000), before, 12).state;
    expect(savingOf(back, by.retrain)).toBeUndefined();
    expect(savingOf(told([[quality(11, 0.5)]], by, back, 13).state, by.retrain)?.isDue).toBe(false);
  });
});

describe('what is kept', () => {
  const by = weighing(60);

  it('changes with each window once, and not at all where nothing is weighed: each change is a write', () => {
    const state = told(days(CALM), by, inService(by)).state;
    expect(advance(state, quality(3, 0.5), by, HOUR_MS).state).toBe(state);
    expect(advance(state, quality(3, Number.NaN), by, HOUR_MS).state).toBe(state);
    expect(advance(state, quality(3, 0.52), by, HOUR_MS).state).not.toBe(state);
    const other = told([[live(1)]], policy, initialLoopState()).state;
    expect(advance(other, quality(3, 0.5), policy, HOUR_MS).state).toBe(other);
  });

  it('of a release before, which knew less, is weighed too', () => {
    const state = told(days([...CALM, ...WORSE]), weighing(60_000), inService(by)).state;
    const { lessons: _, ...cost } = state.cost;
    const judgedVersions = cost.judgedVersions.map(({ version, rows, loss }) => ({ version, rows, loss }));
    expect(savingOf({ ...state, cost: { ...cost, judgedVersions } }, by.retrain)?.isDue).toBe(true);
  });

  it('is bounded, and an older window that comes again is none of it', () => {
    const state = told(days(Array.from({ length: 120 }, () => 0.5)), by, inService(by)).state;
    expect(state.cost.windowLosses).toHaveLength(96);
    expect(advance(state, quality(1, 0.5), by, HOUR_MS).state).toBe(state);
    const after = JSON.parse(JSON.stringify(state)) as LoopState;
    expect(savingOf(after, by.retrain)).toEqual(savingOf(state, by.retrain));
  });
});

it('a saving is said with its interval, its horizon and its price', () => {
  const expected = { predicted: 0, excess: 0, clean: 0, changeMs: 0, dataThroughMs: 0 };
  const saving = {
    mean: 312,
    lower: 118,
    upper: 504,
    price: 200,
    untilMs: Date.UTC(2026, 11, 4),
    isDue: true,
    versions: 3,
    expected,
  };
  expect(savingText(saving)).toBe(
    'a retraining would save about 310 (120 to 500) until 2026-12-04T00:00Z, it costs 200',
  );
});
