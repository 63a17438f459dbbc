// Every model that a retraining of one stream could make, and what is known of each: its losses in each window by the
// truth, its evaluation, whether it would be blessed in another's place, and what the monitor says of a window that it
// served. A candidate is known by the last window of the rows that it had; each is fitted once, when first asked for.

import { assert, seededRng } from '@millrace/domain';
import {
  bless,
  blockDifferences,
  chanceOf,
  differenceOf,
  type Evaluation,
  evaluate,
  metricNamed,
} from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import {
  buildReferenceProfile,
  type FeatureCells,
  featureCells,
  NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';
import { fit, probability } from './learner.js';
import { judgeQuality, judgeRows, rowChoices, type SubjectVerdict } from './machines.js';
import type { Stream } from './stream.js';

/** What a version was made of: the rows of these windows, both ends among them. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

const keyOf = ({ first, last }: Span): number => first * 1_024 + last;

export interface Candidate {
  readonly weights: Float64Array;
  readonly evaluation: Evaluation;
  /** Share of label 1 among the rows that it learned from. */
  readonly positiveShare: number;
}

/** What drift of a candidate's inputs and scores is measured against. */
interface Reference {
  readonly features: readonly FeatureCells[];
  readonly scores: FeatureCells;
}

export interface Blessed {
  readonly blessed: boolean;
  readonly verdict: string;
  readonly evaluation: Evaluation;
  readonly championEvaluation: Evaluation;
}

/** Of the metric's bound of 1e-7 on probabilities. */
const LOG_ODDS_MAX = Math.log(1e7);

export class Candidates {
  private readonly known = new Map<number, Candidate>();
  private readonly references = new Map<number, Reference>();
  private readonly contests = new Map<string, Blessed>();
  private readonly verdicts = new Map<string, readonly SubjectVerdict[]>();
  private readonly qualities = new Map<string, Evaluation>();
  private readonly losses = new Map<number, Float64Array>();
  /** Of the best constant guess in each window. */
  private readonly trivial: Float64Array;

  constructor(
    readonly stream: Stream,
    private readonly project: Project,
  ) {
    const { windows, rows, truth } = stream;
    this.trivial = Float64Array.from({ length: windows }, (_, window) => {
      let sum = 0;
      for (let i = window * rows; i < (window + 1) * rows; i++) sum += truth[i] as number;
      const share = sum / rows;
      return rows * expectedLoss(share, Math.log(share / (1 - share)));
    });
  }

  /** What a retraining may be made of whose newest labelled window is this one. */
  choices(last: number): Span[] {
    const firsts = rowChoices(this.project.retrain).map((count) => Math.max(0, last + 1 - count));
    return [...new Set(firsts)].map((first) => ({ first, last }));
  }

  at(of: Span): Candidate {
    const found = this.known.get(keyOf(of)) ?? this.make(of);
    this.known.set(keyOf(of), found);
    return found;
  }

  /** Sum over the window's rows of the expected loss. */
  lossOf(of: Span, window: number): number {
    let losses = this.losses.get(keyOf(of));
    if (losses === undefined) {
      losses = new Float64Array(this.stream.windows).fill(Number.NaN);
      this.losses.set(keyOf(of), losses);
    }
    if (Number.isNaN(losses[window])) losses[window] = this.measureLoss(of, window);
    return losses[window] as number;
  }

  /** Predictions of the window that a bad version answers: one that does worse than the best constant guess. */
  exposed(of: Span, window: number): number {
    return this.lossOf(of, window) > (this.trivial[window] as number) ? this.stream.rows : 0;
  }

  /** As the trainer judges: on the newest share of the rows, which the challenger has not learned from. */
  contest(challenger: Span, champion: { of: Span; version: number }): Blessed {
    const key = `${keyOf(challenger)}/${keyOf(champion.of)}`;
    const known = this.contests.get(key);
    if (known !== undefined) return known;
    const { evaluation, positiveShare, weights } = this.at(challenger);
    const { evaluated } = this.split(challenger);
    const { labels, scores } = this.scored(evaluated, weights);
    const { thresholds, confidence } = this.project.evaluation;
    const deciding = metricNamed(this.project.scope.metric);
    const against = (second: number[]) => ({
      evaluation: evaluate('binary', { labels, scores: second }),
      difference: differenceOf(deciding, { labels, first: scores, second }, confidence),
    });
    const opponent = against(this.scored(evaluated, this.at(champion.of).weights).scores);
    const { blessed, verdict } = bless({
      ...{ evaluation, deciding, thresholds, confidence, baselines: [] },
      trivial: against(labels.map(() => positiveShare)),
      chance: chanceOf('binary', { labels, scores }),
      champion: { version: champion.version, standing: 'in service', ...opponent },
    });
    const result = { blessed, verdict, evaluation, championEvaluation: opponent.evaluation };
    this.contests.set(key, result);
    return result;
  }

  /** Of inputs and scores of a window. */
  verdictsOfRows(of: Span, window: number): readonly SubjectVerdict[] {
    return this.remembered(`rows/${keyOf(of)}/${window}`, () => {
      const { weights } = this.at(of);
      const { scores, features: cells } = this.referenceOf(of);
      const { rows, watched, segments, x, width } = this.stream;
      const features = cells.map(openFeatureWindow);
      assert(scores.kind === 'numeric', 'scores are numbers');
      const score = new NumericWindow(scores);
      for (let row = window * rows; row < (window + 1) * rows; row++) {
        watched.forEach(({ column }, i) => {
          features[i]?.add(x[row * width + column] as number);
        });
        features[watched.length]?.add(segments.names[segments.of[row] as number] as string);
        score.add(probability(x, row, weights));
      }
      const { monitoring } = this.project;
      return judgeRows({ monitoring, rows, features, score, software: undefined }).verdicts;
    });
  }

  /** Exact, where the monitor adds up cells of scores. */
  qualityOf(of: Span, window: number): Evaluation {
    const key = `${keyOf(of)}/${window}`;
    const known = this.qualities.get(key);
    if (known !== undefined) return known;
    const { rows } = this.stream;
    const all = Array.from({ length: rows }, (_, i) => window * rows + i);
    const evaluation = this.evaluation(all, this.at(of).weights);
    this.qualities.set(key, evaluation);
    return evaluation;
  }

  /** Two on the rows of a window whose labels are there, as a probation compares them. */
  compared(first: Span, second: Span, window: number) {
    const { rows } = this.stream;
    const all = Array.from({ length: rows }, (_, i) => window * rows + i);
    const { labels, scores } = this.scored(all, this.at(first).weights);
    const pair = { labels, first: scores, second: this.scored(all, this.at(second).weights).scores };
    const { metric } = this.project.scope;
    return {
      rows,
      version: this.qualityOf(first, window).metrics[metric] ?? Number.NaN,
      against: this.qualityOf(second, window).metrics[metric] ?? Number.NaN,
      blocks: blockDifferences(metricNamed(metric), pair).blocks,
    };
  }

  verdictsOfQuality(of: Span, window: number): readonly SubjectVerdict[] {
    return this.remembered(`quality/${keyOf(of)}/${window}`, () => {
      const { monitoring } = this.project;
      const quality = this.qualityOf(of, window);
      return judgeQuality({ monitoring, quality, evaluation: this.at(of).evaluation }).verdicts;
    });
  }

  private remembered(key: string, judge: () => readonly SubjectVerdict[]): readonly SubjectVerdict[] {
    const verdicts = this.verdicts.get(key) ?? judge();
    this.verdicts.set(key, verdicts);
    return verdicts;
  }

  private split({ first, last }: Span): { learned: number[]; evaluated: number[] } {
    const { retrain } = this.project;
    const { rows } = this.stream;
    const from = first * rows;
    const to = (last + 1) * rows;
    const middle = to - Math.round((to - from) * retrain.evaluationShare);
    const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);
    return { learned: range(from, middle), evaluated: range(middle, to) };
  }

  private make(of: Span): Candidate {
    const { x, width, badTrainings } = this.stream;
    const { learned, evaluated } = this.split(of);
    let y = this.stream.y;
    if (badTrainings.has(of.last)) {
      const order = [...learned];
      seededRng(of.last).shuffle(order);
      y = y.slice();
      learned.forEach((row, i) => {
        y[row] = this.stream.y[order[i] as number] as number;
      });
    }
    const weights = fit({ x, y, width }, learned);
    const positives = learned.reduce((sum, row) => sum + (this.stream.y[row] as number), 0);
    const positiveShare = positives / learned.length;
    return { weights, positiveShare, evaluation: this.evaluation(evaluated, weights) };
  }

  private referenceOf(of: Span): Reference {
    const known = this.references.get(keyOf(of));
    if (known !== undefined) return known;
    const { x, width, watched, segments } = this.stream;
    const { weights, positiveShare } = this.at(of);
    const { learned } = this.split(of);
    const numeric = watched.map(({ name, column }) => ({
      ...{ name, kind: 'numeric' as const },
      values: learned.map((row) => x[row * width + column] as number),
    }));
    const categorical = {
      ...{ name: 'segment', kind: 'categorical' as const },
      values: learned.map((row) => segments.names[segments.of[row] as number] as string),
    };
    const profile = buildReferenceProfile({
      features: [...numeric, categorical],
      scoreName: 'probability',
      scores: learned.map((row) => probability(x, row, weights)),
      positiveShare,
    });
    const reference = { features: profile.features.map(featureCells), scores: featureCells(profile.score) };
    this.references.set(keyOf(of), reference);
    return reference;
  }

  private evaluation(rows: readonly number[], weights: Float64Array): Evaluation {
    return evaluate('binary', this.scored(rows, weights));
  }

  private scored(rows: readonly number[], weights: Float64Array): { labels: number[]; scores: number[] } {
    const { x, y } = this.stream;
    return {
      labels: rows.map((row) => y[row] as number),
      scores: rows.map((row) => probability(x, row, weights)),
    };
  }

  private measureLoss(of: Span, window: number): number {
    const { rows, x, truth, width } = this.stream;
    const { weights } = this.at(of);
    let sum = 0;
    for (let row = window * rows; row < (window + 1) * rows; row++) {
      let score = 0;
      for (let j = 0, at = row * width; j < width; j++, at++) score += (x[at] as number) * (weights[j] as number);
      sum += expectedLoss(truth[row] as number, score);
    }
    return sum;
  }
}

/** Expected log loss of log odds where the label is 1 with this probability; bounded as the metric is. */
function expectedLoss(truth: number, logOdds: number): number {
  const score = Math.min(Math.max(logOdds, -LOG_ODDS_MAX), LOG_ODDS_MAX);
  return Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - truth * score;
}
