// Joins predictions and labels of one window by prediction id, in either order of arrival, each at most once.
//
// A prediction id seen again is a redelivery and changes nothing. The first label of a prediction counts; a second one
// of the same value is a duplicate, of another value a contradiction; both are only counted. A label whose prediction
// has not come waits here. Memory: one map entry and 28 bytes a prediction, and each list of cohorts once, which the
// caller gives as the same array again; the owner bounds rows over all windows.

import { type Cohort, cohortKey, parseCohortKey } from '@millrace/domain';

export type LabelOutcome = 'joined' | 'waiting' | 'duplicate' | 'contradiction';

export interface JoinedRow {
  score: number;
  label: number;
  /** Cohorts that the row counts in, beside ALL. */
  cohorts: readonly Cohort[];
  eventTimeMs: number;
}

export interface LabelJoinState {
  ids: string[];
  scores: number[];
  /** Index into `cohorts`. */
  groups: number[];
  eventTimes: number[];
  /** null: none yet. */
  labels: (number | null)[];
  waiting: [string, number][];
  /** Keys. */
  cohorts: string[][];
}

const FIRST_CAPACITY = 256;

export class LabelJoin {
  private readonly slots = new Map<string, number>();
  private readonly waiting = new Map<string, number>();
  private readonly groups: (readonly Cohort[])[] = [];
  private readonly groupOf = new Map<readonly Cohort[], number>();
  private scores = new Float64Array(FIRST_CAPACITY);
  private rowGroups = new Int32Array(FIRST_CAPACITY);
  private eventTimes = new Float64Array(FIRST_CAPACITY);
  /** NaN: none yet. */
  private labels = new Float64Array(FIRST_CAPACITY).fill(Number.NaN);

  /** Rows held: predictions and waiting labels. */
  get size(): number {
    return this.slots.size + this.waiting.size;
  }

  get waitingLabels(): number {
    return this.waiting.size;
  }

  has(predictionId: string): boolean {
    return this.slots.has(predictionId);
  }

  /** Adds a prediction that `has` does not know; gives the joined row when its label was already waiting. */
  addPrediction(
    predictionId: string,
    score: number,
    cohorts: readonly Cohort[],
    eventTimeMs: number,
  ): JoinedRow | undefined {
    const slot = this.slots.size;
    if (slot === this.scores.length) this.grow();
    this.slots.set(predictionId, slot);
    this.scores[slot] = score;
    this.rowGroups[slot] = this.group(cohorts);
    this.eventTimes[slot] = eventTimeMs;
    const label = this.waiting.get(predictionId);
    if (label === undefined) return undefined;
    this.waiting.delete(predictionId);
    return this.join(slot, label);
  }

  /** `row` is set when and only when the outcome is 'joined'. */
  addLabel(predictionId: string, label: number): { kind: LabelOutcome; row?: JoinedRow } {
    const slot = this.slots.get(predictionId);
    if (slot === undefined) {
      const held = this.waiting.get(predictionId);
      if (held !== undefined) return { kind: held === label ? 'duplicate' : 'contradiction' };
      this.waiting.set(predictionId, label);
      return { kind: 'waiting' };
    }
    const known = this.labels[slot] as number;
    if (!Number.isNaN(known)) return { kind: known === label ? 'duplicate' : 'contradiction' };
    return { kind: 'joined', row: this.join(slot, label) };
  }

  state(): LabelJoinState {
    const n = this.slots.size;
    return {
      ids: [...this.slots.keys()],
      scores: [...this.scores.subarray(0, n)],
      groups: [...this.rowGroups.subarray(0, n)],
      eventTimes: [...this.eventTimes.subarray(0, n)],
      labels: Array.from(this.labels.subarray(0, n), (label) => (Number.isNaN(label) ? null : label)),
      waiting: [...this.waiting],
      cohorts: this.groups.map((cohorts) => cohorts.map(cohortKey)),
    };
  }

  static fromState(state: LabelJoinState): LabelJoin {
    const join = new LabelJoin();
    const groups = state.cohorts.map((keys) => keys.flatMap((key) => parseCohortKey(key) ?? []));
    state.ids.forEach((id, slot) => {
      const cohorts = groups[state.groups[slot] as number] ?? [];
      join.addPrediction(id, state.scores[slot] as number, cohorts, state.eventTimes[slot] as number);
      join.labels[slot] = state.labels[slot] ?? Number.NaN;
    });
    for (const [id, label] of state.waiting) join.waiting.set(id, label);
    return join;
  }

  private join(slot: number, label: number): JoinedRow {
    this.labels[slot] = label;
    return {
      score: this.scores[slot] as number,
      label,
      cohorts: this.groups[this.rowGroups[slot] as number] as readonly Cohort[],
      eventTimeMs: this.eventTimes[slot] as number,
    };
  }

  private group(cohorts: readonly Cohort[]): number {
    let index = this.groupOf.get(cohorts);
    if (index === undefined) {
      index = this.groups.push(cohorts) - 1;
      this.groupOf.set(cohorts, index);
    }
    return index;
  }

  private grow(): void {
    const length = this.scores.length * 2;
    const grown = <T extends Float64Array | Int32Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.scores = grown(new Float64Array(length), this.scores);
    this.rowGroups = grown(new Int32Array(length), this.rowGroups);
    this.eventTimes = grown(new Float64Array(length), this.eventTimes);
    this.labels = grown(new Float64Array(length).fill(Number.NaN), this.labels);
  }
}
