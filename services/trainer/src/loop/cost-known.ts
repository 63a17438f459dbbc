// What a loop that weighs retrainings by their price remembers: the losses of windows, what versions were judged by,
// and what retrainings have gained. Pure; each list is bounded, and what says nothing new leaves the state as it is.

import type { RetrainSpec } from '@millrace/project';
import { COST_TUNING } from './cost-tuning.js';
import { type DatasetsKnown, rowsIn } from './known-datasets.js';
import { entropy, type JudgedVersion, meanOf, totalOf, type WindowLoss } from './loss-change.js';
import { curveOf, type Lesson } from './taught-rows.js';

/** A version's log loss and that of the version in service, on the same rows. */
export interface Judged {
  readonly rows: number;
  readonly loss: number;
  readonly championLoss?: number | undefined;
  /** Share of label 1 among the rows. */
  readonly positiveShare?: number | undefined;
}

/** One retraining that is over: per prediction, what there was to gain, and what was gained. */
export interface Gain {
  readonly predicted: number;
  readonly achieved: number;
}

/** What a retraining was begun with. */
export interface Expectation {
  readonly predicted: number;
  /** Excess, and the share of the rows that are learned from that is from after its change. */
  readonly excess: number;
  readonly clean: number;
  readonly changeMs: number;
  /** Event time up to which there were rows. */
  readonly dataThroughMs: number;
  /** 1 / rows that the version in service learned from, less that of the next one; not there in an earlier release. */
  readonly more?: number;
  /** Loss before the change; undefined where it was not found by the loss. */
  readonly levelBefore?: number | undefined;
  /** That is told as what it is above the best constant guess. */
  readonly isEased?: boolean | undefined;
}

export interface CostKnown {
  /** Oldest first. */
  readonly windowLosses: readonly WindowLoss[];
  readonly judgedVersions: readonly JudgedVersion[];
  readonly gains: readonly Gain[];
  /** Not there in a state of an earlier release. */
  readonly lessons?: readonly Lesson[];
  readonly leftover: { readonly excess: number; readonly changeMs: number } | null;
  /** A retraining that was not blessed, until one is: the next one waits for rows that it has not had. */
  readonly refused: { readonly tries: number; readonly rowsFromMs: number } | null;
  /** Event time from which on windows count: what was before has been found to be another world, for good. */
  readonly acceptedMs: number;
  /** Start of the first window that was told. */
  readonly watchedSinceMs: number;
  readonly blessedCount: number;
}

export const COST_UNKNOWN: CostKnown = {
  windowLosses: [],
  judgedVersions: [],
  gains: [],
  lessons: [],
  leftover: null,
  refused: null,
  acceptedMs: 0,
  watchedSinceMs: 0,
  blessedCount: 0,
};

/** Of a version that has just come. */
const ANEW = { leftover: null, refused: null, acceptedMs: 0 } as const;

type Spec = Pick<RetrainSpec, 'prices' | 'evaluationShare'>;

const WINDOWS_MAX = 96;
const VERSIONS_MAX = 16;
const GAINS_MAX = 8;
const TRIES_MAX = 2;
/** Of what a training that went wrong says about the next one. */
const WRONG_WEIGHT = 0.25;

function rememberLoss(state: CostKnown, one: WindowLoss): CostKnown {
  const isSame = (known: WindowLoss) => known.version === one.version && known.startMs === one.startMs;
  const known = state.windowLosses.find(isSame);
  const { version, startMs, endMs, predictions, rows, loss, positiveShare, meanScore } = one;
  const oldest = state.windowLosses[0];
  if (!Number.isFinite(one.loss) || one.rows === 0) return state;
  // Beyond what is kept: with each reading of the topic it would be a write.
  if (state.windowLosses.length >= WINDOWS_MAX && oldest !== undefined && one.startMs < oldest.startMs) return state;
  if (known !== undefined && known.loss === one.loss && known.rows === one.rows) return state;
  const others = state.windowLosses.filter((other) => !isSame(other));
  const windowLosses = [...others, { version, startMs, endMs, predictions, rows, loss, positiveShare, meanScore }]
    .sort((a, b) => a.startMs - b.startMs)
    .slice(-WINDOWS_MAX);
  const watchedSinceMs = state.watchedSinceMs === 0 ? one.startMs : Math.min(state.watchedSinceMs, one.startMs);
  return { ...state, windowLosses, watchedSinceMs };
}

function rememberJudged(state: CostKnown, one: JudgedVersion): CostKnown {
  const { version, rows, loss, learned, positiveShare } = one;
  if (!Number.isFinite(loss)) return state;
  return {
    ...state,
    judgedVersions: [...state.judgedVersions, { version, rows, loss, learned, positiveShare }].slice(-VERSIONS_MAX),
  };
}

interface Shown {
  readonly blessed: boolean;
  /** Per prediction, on rows that neither version had learned from; undefined: nobody was in service. */
  readonly gained: number | undefined;
  /** How many those were. */
  readonly rows: number;
}

/** A retraining is over. `expected`: undefined where the loop did not begin it for what it saves. */
function rememberGain(state: CostKnown, expected: Expectation | undefined, shown: Shown): CostKnown {
  const known = expected === undefined ? state : rememberExpected(state, expected, shown);
  if (!shown.blessed) return known;
  return { ...known, ...ANEW, leftover: leftOf(expected), blessedCount: state.blessedCount + 1 };
}

function leftOf(expected: Expectation | undefined): CostKnown['leftover'] {
  if (expected === undefined || expected.excess === 0 || expected.clean >= 1) return null;
  return { excess: expected.excess * (1 - expected.clean) ** 2, changeMs: expected.changeMs };
}

function rememberExpected(state: CostKnown, expected: Expectation, { blessed, gained, rows }: Shown): CostKnown {
  const { predicted, excess, clean, changeMs, dataThroughMs, more = 0 } = expected;
  const { lessons = [] } = state;
  const wentWrong = gained !== undefined && gained <= -COST_TUNING.wrongBy;
  if (excess === 0) {
    if (gained === undefined || wentWrong) return state;
    // On nearly the same rows it would come to nearly the same.
    const refused = { tries: state.refused?.tries ?? 0, rowsFromMs: dataThroughMs };
    return { ...state, lessons: [...lessons, { more, gained, rows }].slice(-GAINS_MAX), refused };
  }
  const withGain = (weight: number, achieved: number): CostKnown => ({
    ...state,
    gains: [...state.gains, { predicted: weight * predicted, achieved }].slice(-GAINS_MAX),
  });
  if (blessed) return withGain(1, Math.max(0, (gained ?? 0) - curveOf(lessons).c * more));
  // What was learned from two worlds says little of what there is to gain.
  if (clean < 1) return { ...withGain(COST_TUNING.mixedWeight, 0), refused: { tries: 0, rowsFromMs: changeMs } };
  // Far worse than the version in service, or better and refused all the same: the training went wrong, not the world.
  if (wentWrong || (gained !== undefined && gained > 0)) return { ...withGain(WRONG_WEIGHT, 0), refused: null };
  const tries = (state.refused?.tries ?? 0) + 1;
  // On rows of the new world alone, twice, it is no better: that is what the world is like now.
  const isAccepted = tries >= TRIES_MAX;
  const acceptedMs = isAccepted ? Math.max(state.acceptedMs, changeMs) : state.acceptedMs;
  const refused = isAccepted ? null : { tries, rowsFromMs: dataThroughMs };
  return { ...withGain(1, 0), leftover: null, acceptedMs, refused };
}

/** The same state where it weighs nothing, or knows it: each new one is a write. */
export function learned<S extends { cost: CostKnown }>(state: S, window: WindowLoss, { prices }: Spec): S {
  const cost = prices === undefined ? state.cost : rememberLoss(state.cost, window);
  return cost === state.cost ? state : { ...state, cost };
}

interface Weighing extends DatasetsKnown {
  readonly cost: CostKnown;
  readonly episode: { readonly expected?: Expectation; readonly datasetVersions: readonly string[] } | null;
}

/** Few rows evaluate a version: the loss that there was before the change counts as some more. */
function levelled(
  version: number,
  { rows, loss, positiveShare }: Judged,
  learned: number,
  expected: Expectation | undefined,
): JudgedVersion {
  if (expected?.levelBefore === undefined) return { version, rows, loss, learned, positiveShare };
  const { levelBefore, excess, clean, isEased = false } = expected;
  const level = levelBefore + excess * (1 - clean) ** 2 + (isEased ? entropy(positiveShare) : 0);
  const all = totalOf([
    { rows, loss },
    { rows: COST_TUNING.levelRows, loss: level },
  ]);
  return { version, rows: all.rows, loss: meanOf(all), learned, positiveShare };
}

/** What a training has shown, whoever asked for it. */
export function weighed<S extends Weighing>(
  state: S,
  { version, blessed, judged }: { version: number; blessed: boolean; judged?: Judged },
  isOurs: boolean,
  spec: Spec,
): S {
  if (spec.prices === undefined) return state;
  const expected = isOurs ? state.episode?.expected : undefined;
  const share = spec.evaluationShare;
  const own = state.datasets.filter(({ id }) => state.episode?.datasetVersions.includes(id));
  const learned = isOurs && own.length > 0 ? rowsIn(own) * (1 - share) : ((judged?.rows ?? 0) * (1 - share)) / share;
  const known =
    judged === undefined ? state.cost : rememberJudged(state.cost, levelled(version, judged, learned, expected));
  const gained = judged?.championLoss === undefined ? undefined : judged.championLoss - judged.loss;
  return { ...state, cost: rememberGain(known, expected, { blessed, gained, rows: judged?.rows ?? 0 }) };
}
