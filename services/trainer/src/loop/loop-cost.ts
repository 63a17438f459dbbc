// Whether a retraining is worth its price (retrain.policy: cost): what it would save until the next one, from the
// losses of the windows of the version in service, and from what retrainings have gained before. Pure.
//
//   saving  = price of loss x predictions in the horizon x gain per prediction
//   gain    = KEPT x (excess x part(f) + leftover x part(f')),   part(f) = 1 - (1 - f)^2
//   horizon = min((prior + event time watched) / (1 + retrainings that were blessed in it),  lasts x age of the change)
//
// excess: how much larger the loss is since the likeliest change than before it (loss-change.ts). f: the share of
// the rows of a retraining that are from after the change. A model of two mixed worlds is off by 1 - f of the way,
// and its loss by the square of that. leftover: what a retraining on mixed rows could not gain, until one on clean
// rows has. KEPT: gain over excess in the retrainings of the loop so far, held together by a prior. The numbers:
// cost-tuning.ts.
//
// Before the labels of a window are there, drift that is open since stands for its excess, in proportion to how far
// it is beyond its threshold. A retraining begins where the lower end of the saving's interval (decidedAt
// deviations) is above the price, and waiting for one more dataset version is not cheaper. After Regol et al., ICML
// 2025 (a forecast with its uncertainty against the price) and Mahadevan and Mathioudakis, arXiv 2310.04216
// (staleness as a cost). Cost O(windows) a look, WINDOWS_MAX of them at most.

import type { RetrainSpec } from '@millrace/project';
import { COST_TUNING } from './cost-tuning.js';
import type { DatasetsKnown, KnownDataset } from './known-datasets.js';
import { newRows, type Taught } from './loop-triggers.js';
import { type Change, changeIn, type JudgedVersion, meanOf, totalOf, type WindowLoss } from './loss-change.js';
import { type DriftsKnown, driftsToAnswer } from './open-drifts.js';

/** A version's log loss and that of the version in service, on the same rows. */
export interface Judged {
  readonly rows: number;
  readonly loss: number;
  readonly championLoss?: number | undefined;
}

/** One retraining that is over: per prediction, what there was to gain, and what was gained. */
export interface Gain {
  readonly predicted: number;
  readonly achieved: number;
}

/** What a retraining was begun with. */
export interface Expectation {
  readonly predicted: number;
  /** Excess, and share of the rows from after its change. */
  readonly excess: number;
  readonly clean: number;
  readonly changeMs: number;
  /** Event time up to which there were rows. */
  readonly dataThroughMs: number;
  /** Loss before the change; undefined where it was not found by the loss. */
  readonly levelBefore?: number | undefined;
}

export interface CostKnown {
  /** Oldest first. */
  readonly windowLosses: readonly WindowLoss[];
  readonly judgedVersions: readonly JudgedVersion[];
  readonly gains: readonly Gain[];
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
  leftover: null,
  refused: null,
  acceptedMs: 0,
  watchedSinceMs: 0,
  blessedCount: 0,
};

/** Of a version that has just come. */
const ANEW = { leftover: null, refused: null, acceptedMs: 0 } as const;

const WINDOWS_MAX = 96;
const VERSIONS_MAX = 16;
const GAINS_MAX = 8;
const TRIES_MAX = 2;
/** Of what a training that went wrong says about the next one. */
const WRONG_WEIGHT = 0.25;

/** Of the interval that is told: 90 %. */
const TOLD_AT = 1.645;
const DRIFT_RATIO_MAX = 4;

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
  const { version, rows, loss } = one;
  if (!Number.isFinite(loss)) return state;
  return { ...state, judgedVersions: [...state.judgedVersions, { version, rows, loss }].slice(-VERSIONS_MAX) };
}

/** A retraining is over. `gained`: per prediction, on rows that neither version had learned from. */
function rememberGain(
  state: CostKnown,
  expected: Expectation | undefined,
  { blessed, gained }: { blessed: boolean; gained: number | undefined },
): CostKnown {
  const blessedCount = state.blessedCount + (blessed ? 1 : 0);
  if (expected === undefined) return blessed ? { ...state, ...ANEW, blessedCount } : state;
  const { predicted, excess, clean, changeMs, dataThroughMs } = expected;
  const isMixed = clean < 1;
  // What was learned from two worlds says nothing of what there is to gain.
  if (!blessed && isMixed) return { ...state, refused: { tries: 0, rowsFromMs: changeMs } };
  const achieved = blessed ? Math.max(0, gained ?? 0) : 0;
  const gains = [...state.gains, { predicted, achieved }].slice(-GAINS_MAX);
  const left = excess * (1 - clean) ** 2;
  const leftover = blessed && isMixed ? { excess: left, changeMs } : null;
  if (blessed) return { ...state, ...ANEW, gains, leftover, blessedCount };
  // Far worse than the version in service, or better and refused all the same: the training went wrong, not the world.
  const isWorld = gained === undefined || (gained <= 0 && gained > -COST_TUNING.wrongBy);
  if (!isWorld) {
    const little = { predicted: predicted * WRONG_WEIGHT, achieved: 0 };
    return { ...state, gains: [...state.gains, little].slice(-GAINS_MAX), refused: null };
  }
  const tries = (state.refused?.tries ?? 0) + 1;
  // On rows of the new world alone, twice, it is no better: that is what the world is like now.
  const isAccepted = tries >= TRIES_MAX;
  const acceptedMs = isAccepted ? Math.max(state.acceptedMs, changeMs) : state.acceptedMs;
  const refused = isAccepted ? null : { tries, rowsFromMs: dataThroughMs };
  return { ...state, gains, leftover, acceptedMs, refused };
}

/** Share of what there is to gain that a training gains whose rows are clean by this share. */
const part = (clean: number): number => 1 - (1 - clean) ** 2;

function cleanShare(datasets: readonly KnownDataset[], changeMs: number): number {
  const rows = datasets.reduce((sum, one) => sum + one.labelledRows, 0);
  const clean = datasets.reduce((sum, one) => sum + (one.windowStartMs >= changeMs ? one.labelledRows : 0), 0);
  return rows === 0 ? 0 : clean / rows;
}

function kept(gains: readonly Gain[]): { mean: number; deviation: number } {
  const { kept: prior, keptPrior, keptDeviation } = COST_TUNING;
  const predicted = gains.reduce((sum, gain) => sum + gain.predicted, keptPrior);
  const achieved = gains.reduce((sum, gain) => sum + gain.achieved, prior * keptPrior);
  const mean = Math.min(1, achieved / predicted);
  return { mean, deviation: keptDeviation * Math.sqrt(keptPrior / predicted) };
}

export interface Saving {
  /** In the unit of the prices; lower and upper are the ends of its 90 % interval. */
  readonly mean: number;
  readonly lower: number;
  readonly upper: number;
  /** `retrain.prices.retraining`. */
  readonly price: number;
  /** Event time until which it is counted. */
  readonly untilMs: number;
  /** It pays, and pays more now than with the next dataset version. */
  readonly isDue: boolean;
  readonly expected: Expectation;
}

type Known = { cost: CostKnown; liveVersion: number } & DatasetsKnown & DriftsKnown & Omit<Taught, 'datasets'>;
type Spec = Pick<RetrainSpec, 'prices' | 'versions' | 'features'>;

/** undefined: no prices, or nothing is known of the version in service yet. */
export function savingOf(state: Known, { prices, versions, features }: Spec): Saving | undefined {
  const { liveVersion, cost } = state;
  const { acceptedMs, leftover } = cost;
  const own = cost.windowLosses.filter(({ version }) => version === liveVersion);
  const newest = own.at(-1);
  if (prices === undefined || newest === undefined) return undefined;
  const spanMs = newest.endMs - newest.startMs;
  const rows = state.datasets.slice(-versions);
  const evaluated = cost.judgedVersions.findLast(({ version }) => version === liveVersion);
  const counted = own.filter(({ startMs }) => startMs >= acceptedMs);
  const open = driftsToAnswer(state, { liveVersion, features }).filter((one) => one.windowStartMs >= newest.endMs);
  const change = changeIn(counted, acceptedMs > 0 ? undefined : evaluated) ?? unlabelled(open);
  const clean = change === undefined ? 0 : cleanShare(rows, change.changeMs);
  const cleanLeft = leftover === null ? 0 : cleanShare(rows, leftover.changeMs);
  const share = kept(cost.gains);
  const gainAt = (more: number) =>
    (change?.excess ?? 0) * part(clean === 0 ? 0 : Math.min(1, clean + more)) +
    (leftover?.excess ?? 0) * part(Math.min(1, cleanLeft + more));
  const predicted = gainAt(0);
  const watchedMs = newest.endMs - cost.watchedSinceMs;
  const changeMs = change?.changeMs ?? leftover?.changeMs ?? 0;
  const lastsMs = COST_TUNING.lasts * (newest.endMs - Math.min(changeMs, newest.startMs));
  const nextMs = (COST_TUNING.horizonWindows * spanMs + watchedMs) / (1 + cost.blessedCount);
  const horizonMs = Math.min(nextMs, lastsMs);
  const perWindow = own.reduce((sum, one) => sum + one.predictions, 0) / own.length;
  const worth = (prices.loss * perWindow * horizonMs) / spanMs;
  const mean = worth * share.mean * predicted;
  const deviation =
    worth * Math.hypot(share.mean * part(clean) * (change?.deviation ?? 0), share.deviation * predicted);
  const price = prices.retraining;
  // One window of what is gained now, against what the next rows add: at most what a second retraining costs.
  const now = prices.loss * perWindow * share.mean * predicted;
  const later = Math.max(0, worth - prices.loss * perWindow) * share.mean * (gainAt(1 / versions) - predicted);
  const { rowsFromMs = 0 } = cost.refused ?? {};
  const hasOtherRows = rows.every((one) => one.windowStartMs >= rowsFromMs);
  const isDue =
    hasOtherRows &&
    newRows(state) > 0 &&
    mean - COST_TUNING.decidedAt * deviation > price &&
    now >= Math.min(price, later);
  return {
    ...{ mean, lower: Math.max(0, mean - TOLD_AT * deviation), upper: mean + TOLD_AT * deviation, price },
    ...{ untilMs: newest.endMs + horizonMs, isDue },
    expected: {
      predicted,
      excess: (change?.excess ?? 0) + (leftover?.excess ?? 0),
      clean: change === undefined ? cleanLeft : clean,
      changeMs,
      dataThroughMs: rows.at(-1)?.windowEndMs ?? 0,
      levelBefore: change?.levelBefore,
    },
  };
}

/** What drift stands for while the labels of its window are not there. */
function unlabelled(open: DriftsKnown['openDrifts']): Change | undefined {
  const ratios = open.map(({ value, threshold }) => (threshold > 0 ? value / threshold : 1));
  const [first] = open;
  if (first === undefined) return undefined;
  const excess = COST_TUNING.driftExcess * Math.min(DRIFT_RATIO_MAX, Math.max(...ratios));
  return { excess, deviation: excess, changeMs: first.windowStartMs };
}

/** A retraining that is due because it pays. */
export function paying(state: Known, spec: Spec) {
  const saving = savingOf(state, spec);
  if (saving === undefined || !saving.isDue) return undefined;
  return { trigger: 'cost' as const, cause: savingText(saving), expected: saving.expected };
}

/** The same state where it weighs nothing, or knows it: each new one is a write. */
export function learned<S extends { cost: CostKnown }>(state: S, window: WindowLoss, { prices }: Spec): S {
  const cost = prices === undefined ? state.cost : rememberLoss(state.cost, window);
  return cost === state.cost ? state : { ...state, cost };
}

interface Weighing {
  readonly cost: CostKnown;
  readonly episode: { readonly expected?: Expectation } | null;
}

/** Few rows evaluate a version: the loss that there was before the change counts as some more. */
function levelled(version: number, { rows, loss }: Judged, expected: Expectation | undefined): JudgedVersion {
  if (expected?.levelBefore === undefined) return { version, rows, loss };
  const { levelBefore, excess, clean } = expected;
  const level = levelBefore + excess * (1 - clean) ** 2;
  const all = totalOf([
    { rows, loss },
    { rows: COST_TUNING.levelRows, loss: level },
  ]);
  return { version, rows: all.rows, loss: meanOf(all) };
}

/** What a training has shown, whoever asked for it. */
export function weighed<S extends Weighing>(
  state: S,
  { version, blessed, judged }: { version: number; blessed: boolean; judged?: Judged },
  isOurs: boolean,
  { prices }: Spec,
): S {
  if (prices === undefined) return state;
  const expected = isOurs ? state.episode?.expected : undefined;
  const known = judged === undefined ? state.cost : rememberJudged(state.cost, levelled(version, judged, expected));
  const gained = judged?.championLoss === undefined ? undefined : judged.championLoss - judged.loss;
  return { ...state, cost: rememberGain(known, expected, { blessed, gained }) };
}

const figure = (value: number): string => Number(value.toPrecision(2)).toString();
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** As in "a retraining would save about 310 (120 to 500) until 2026-12-04, it costs 200". */
export function savingText({ mean, lower, upper, price, untilMs }: Saving): string {
  const range = `${figure(mean)} (${figure(lower)} to ${figure(upper)})`;
  return `a retraining would save about ${range} until ${day(untilMs)}, it costs ${figure(price)}`;
}
