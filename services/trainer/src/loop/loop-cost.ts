// Whether a retraining is worth its price (retrain.policy: cost): what it would save until the next one, from the
// losses of the windows of the version in service, and from what retrainings have gained before. Pure.
//
//   saving  = price of loss x predictions in the horizon x gain per prediction
//   gain    = KEPT x (excess x part(f) + leftover x part(f')) + c x (1 / rows before - 1 / rows)
//   part(f) = 1 - (1 - f)^2
//   horizon = min((prior + event time watched) / (1 + retrainings that were blessed in it),  lasts x age of the change)
//
// excess: how much larger the loss is since the likeliest change than before it (loss-change.ts). f: the share of
// the rows that a retraining learns from which are from after the change; the newest ones evaluate it. A model of two
// mixed worlds is off by 1 - f of the way, and its loss by the square of that. leftover: what a retraining on mixed
// rows could not gain, until one on clean rows has. KEPT: gain over excess in the retrainings of the loop so far, held
// together by a prior. c: what few rows cost (taught-rows.ts); of all numbers of dataset versions that a retraining
// may learn from it takes the one that gains most. The numbers: cost-tuning.ts.
//
// Before the labels of a window are there, drift that is open since stands for its excess, in proportion to how far
// it is beyond its threshold. A retraining begins where the lower end of the saving's interval (decidedAt
// deviations) is above the price, and waiting for one more dataset version is not cheaper. After Regol et al., ICML
// 2025 (a forecast with its uncertainty against the price) and Mahadevan and Mathioudakis, arXiv 2310.04216
// (staleness as a cost). Cost O(windows) a look, WINDOWS_MAX of them at most.

import type { RetrainSpec } from '@millrace/project';
import type { CostKnown, Expectation, Gain } from './cost-known.js';
import { COST_TUNING } from './cost-tuning.js';
import { type DatasetsKnown, type KnownDataset, rowsIn } from './known-datasets.js';
import { newRows, type Taught } from './loop-triggers.js';
import { type Change, changeIn, type WindowLoss } from './loss-change.js';
import { type DriftsKnown, driftsToAnswer } from './open-drifts.js';
import { curveOf, rowChoices } from './taught-rows.js';

/** Of the interval that is told: 90 %. */
const TOLD_AT = 1.645;
const DRIFT_RATIO_MAX = 4;

/** Share of what there is to gain that a training gains whose rows are clean by this share. */
const part = (clean: number): number => 1 - (1 - clean) ** 2;

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
  /** What it waits for although something is to be saved; undefined: for that to be more than the price. */
  readonly lacks?: string;
  /** Newest dataset versions that it is to learn from. */
  readonly versions: number;
  readonly expected: Expectation;
}

type Known = { cost: CostKnown; liveVersion: number } & DatasetsKnown & DriftsKnown & Omit<Taught, 'datasets'>;
type Spec = Pick<RetrainSpec, 'prices' | 'versions' | 'versionsMax' | 'features' | 'evaluationShare'>;

/** What a retraining may mend. */
interface Mendable {
  readonly change: Change | undefined;
  readonly leftover: CostKnown['leftover'];
  /** Rows that the version in service learned from; undefined where nobody knows. */
  readonly taught: number | undefined;
  readonly keptShare: number;
  readonly curve: number;
}

/** A retraining on so many of the newest dataset versions: what each prediction would gain. */
interface Choice {
  readonly versions: number;
  /** Of the rows that are learned from, from after the change and after what is left over. */
  readonly clean: number;
  readonly cleanOfLeft: number;
  readonly more: number;
  /** Of the excess, before KEPT. */
  readonly predicted: number;
  readonly gain: number;
  /** What the next dataset version would add to it. */
  readonly added: number;
}

/** Share of the rows that are learned from which are from after it, with one dataset version more that is. */
function cleanShare(rows: readonly KnownDataset[], changeMs: number, evaluationShare: number, further: number): number {
  const clean = rowsIn(rows.filter(({ windowStartMs }) => windowStartMs >= changeMs)) / Math.max(1, rowsIn(rows));
  const all = clean === 0 ? 0 : Math.min(1, clean + further);
  return Math.max(0, (all - evaluationShare) / (1 - evaluationShare));
}

function choiceOf(
  versions: number,
  datasets: readonly KnownDataset[],
  evaluationShare: number,
  { change, leftover, taught, keptShare, curve }: Mendable,
): Choice {
  const rows = datasets.slice(-versions);
  const cleanOf = (changeMs: number | undefined, further: number) =>
    changeMs === undefined ? 0 : cleanShare(rows, changeMs, evaluationShare, further);
  const excessAt = (further: number) =>
    (change?.excess ?? 0) * part(cleanOf(change?.changeMs, further)) +
    (leftover?.excess ?? 0) * part(cleanOf(leftover?.changeMs, further));
  const learned = Math.max(1, rowsIn(rows) * (1 - evaluationShare));
  // Where there are no older ones, the next dataset version is one more.
  const grows = datasets.length > versions ? 1 : 1 + 1 / Math.max(1, rows.length);
  const more = taught === undefined ? 0 : 1 / taught - 1 / learned;
  const predicted = excessAt(0);
  return {
    ...{ versions, more, predicted, gain: keptShare * predicted + curve * more },
    ...{ clean: cleanOf(change?.changeMs, 0), cleanOfLeft: cleanOf(leftover?.changeMs, 0) },
    added: keptShare * (excessAt(1 / versions) - predicted) + (curve * (1 - 1 / grows)) / learned,
  };
}

/** In windows: how long what is gained is gained for. */
function horizonOf({ watchedSinceMs, blessedCount }: CostKnown, newest: WindowLoss, changeMs: number): number {
  const { horizonWindows, lasts } = COST_TUNING;
  const spanMs = newest.endMs - newest.startMs;
  const lastsMs = lasts * (newest.endMs - Math.min(changeMs, newest.startMs));
  const nextMs = (horizonWindows * spanMs + newest.endMs - watchedSinceMs) / (1 + blessedCount);
  return Math.min(nextMs, lastsMs) / spanMs;
}

/** undefined: no prices, or nothing is known of the version in service yet. */
export function savingOf(state: Known, spec: Spec): Saving | undefined {
  const { liveVersion, cost, datasets } = state;
  const { prices, features, evaluationShare } = spec;
  const { acceptedMs, leftover } = cost;
  const own = cost.windowLosses.filter(({ version }) => version === liveVersion);
  const newest = own.at(-1);
  if (prices === undefined || newest === undefined) return undefined;
  // One that has come back: what it was before it left says nothing of now.
  if (newest.endMs < (cost.windowLosses.at(-1)?.endMs ?? 0)) return undefined;
  const evaluated = cost.judgedVersions.findLast(({ version }) => version === liveVersion);
  const counted = own.filter(({ startMs }) => startMs >= acceptedMs);
  const open = driftsToAnswer(state, { liveVersion, features }).filter((one) => one.windowStartMs >= newest.endMs);
  const change = changeIn(counted, acceptedMs > 0 ? undefined : evaluated) ?? unlabelled(open);
  const share = kept(cost.gains);
  const curve = curveOf(cost.lessons ?? []);
  const mendable = { change, leftover, taught: evaluated?.learned, keptShare: share.mean, curve: curve.c };
  const best = rowChoices(spec)
    .filter((versions, i) => i === 0 || versions < 2 * datasets.length)
    .map((versions) => choiceOf(versions, datasets, evaluationShare, mendable))
    .reduce((a, b) => (b.gain > a.gain + Number.EPSILON ? b : a));
  const changeMs = change?.changeMs ?? leftover?.changeMs ?? 0;
  const windows = horizonOf(cost, newest, changeMs);
  // Of one more by 1 on each prediction of a window.
  const perWindow = (prices.loss * own.reduce((sum, one) => sum + one.predictions, 0)) / own.length;
  const gain = Math.max(0, best.gain);
  const mean = perWindow * windows * gain;
  const ofExcess = share.mean * part(best.clean) * (change?.deviation ?? 0);
  const deviation =
    perWindow * windows * Math.hypot(ofExcess, share.deviation * best.predicted, curve.deviation * best.more);
  const price = prices.retraining;
  // One window of what is gained now, against what the next rows add: at most what a second retraining costs.
  const later = perWindow * Math.max(0, windows - 1) * best.added;
  const { rowsFromMs = 0 } = cost.refused ?? {};
  const hasOtherRows = datasets.slice(-spec.versions).every((one) => one.windowStartMs >= rowsFromMs);
  const saves = mean - COST_TUNING.decidedAt * deviation > price;
  const pays = saves && perWindow * gain >= Math.min(price, later);
  const lacks = pays && hasOtherRows ? undefined : lacking({ saves, hasOtherRows, change, best });
  return {
    ...(lacks === undefined ? {} : { lacks }),
    ...{ mean, lower: Math.max(0, mean - TOLD_AT * deviation), upper: mean + TOLD_AT * deviation, price },
    untilMs: newest.endMs + windows * (newest.endMs - newest.startMs),
    ...{ isDue: hasOtherRows && newRows(state) > 0 && pays, versions: best.versions },
    expected: {
      ...{ predicted: best.predicted, excess: (change?.excess ?? 0) + (leftover?.excess ?? 0), changeMs },
      clean: change === undefined ? best.cleanOfLeft : best.clean,
      ...{ more: best.more, dataThroughMs: datasets.at(-1)?.windowEndMs ?? 0 },
      ...{ levelBefore: change?.levelBefore, isEased: change?.isEased },
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
  const { expected, versions } = saving;
  return { trigger: 'cost' as const, cause: savingText(saving), expected, versions };
}

/** For people who see a loss and no retraining. */
function lacking({
  saves,
  hasOtherRows,
  change,
  best,
}: {
  saves: boolean;
  hasOtherRows: boolean;
  change: Change | undefined;
  best: Choice;
}): string | undefined {
  if (!saves)
    return change === undefined || best.clean > 0
      ? undefined
      : `dataset versions with rows from after the change at ${minute(change.changeMs)}`;
  return hasOtherRows
    ? 'the next dataset version, whose rows save more than the wait for them costs'
    : 'dataset versions whose rows are not those of a retraining that was not blessed';
}

const figure = (value: number): string => Number(value.toPrecision(2)).toString();
const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16)}Z`;

/** As in "a retraining would save about 310 (120 to 500) until 2026-12-04T06:00Z, it costs 200". */
export function savingText({ mean, lower, upper, price, untilMs }: Saving): string {
  const range = `${figure(mean)} (${figure(lower)} to ${figure(upper)})`;
  return `a retraining would save about ${range} until ${minute(untilMs)}, it costs ${figure(price)}`;
}
