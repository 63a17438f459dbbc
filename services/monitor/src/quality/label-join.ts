// Joins predictions and labels of one window by prediction id, in either order of arrival, each at most once.
//
// A prediction id seen again is a redelivery and changes nothing. The first label of a prediction counts; a second one with
// the same outcome is a duplicate, with another outcome a contradiction; both are only counted. A label whose prediction has
// not come waits here. Memory: one map entry and 13 bytes a prediction; the owner bounds rows over all windows.

export type LabelOutcome = 'joined' | 'waiting' | 'duplicate' | 'contradiction';

export interface JoinedRow {
  probability: number;
  version: number;
  eventTimeMs: number;
  outcome: number;
}

export interface LabelJoinState {
  ids: string[];
  probabilities: number[];
  versions: number[];
  eventTimes: number[];
  /** 0 none, 1 negative, 2 positive. */
  outcomes: number[];
  waiting: [string, number][];
}

const FIRST_CAPACITY = 256;

export class LabelJoin {
  private readonly slots = new Map<string, number>();
  private readonly waiting = new Map<string, number>();
  private probabilities = new Float64Array(FIRST_CAPACITY);
  private versions = new Int32Array(FIRST_CAPACITY);
  private eventTimes = new Float64Array(FIRST_CAPACITY);
  private outcomes = new Uint8Array(FIRST_CAPACITY);

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
    probability: number,
    version: number,
    eventTimeMs: number,
  ): JoinedRow | undefined {
    const slot = this.slots.size;
    if (slot === this.probabilities.length) this.grow();
    this.slots.set(predictionId, slot);
    this.probabilities[slot] = probability;
    this.versions[slot] = version;
    this.eventTimes[slot] = eventTimeMs;
    const outcome = this.waiting.get(predictionId);
    if (outcome === undefined) return undefined;
    this.waiting.delete(predictionId);
    return this.label(slot, outcome);
  }

  /** `joinedRow` is set when and only when the outcome is 'joined'. */
  addLabel(predictionId: string, outcome: number): { kind: LabelOutcome; row?: JoinedRow } {
    const slot = this.slots.get(predictionId);
    if (slot === undefined) {
      const held = this.waiting.get(predictionId);
      if (held !== undefined) return { kind: code(held) === code(outcome) ? 'duplicate' : 'contradiction' };
      this.waiting.set(predictionId, outcome);
      return { kind: 'waiting' };
    }
    const known = this.outcomes[slot] as number;
    if (known !== 0) return { kind: known === code(outcome) ? 'duplicate' : 'contradiction' };
    return { kind: 'joined', row: this.label(slot, outcome) };
  }

  state(): LabelJoinState {
    const n = this.slots.size;
    return {
      ids: [...this.slots.keys()],
      probabilities: [...this.probabilities.subarray(0, n)],
      versions: [...this.versions.subarray(0, n)],
      eventTimes: [...this.eventTimes.subarray(0, n)],
      outcomes: [...this.outcomes.subarray(0, n)],
      waiting: [...this.waiting],
    };
  }

  static fromState(state: LabelJoinState): LabelJoin {
    const join = new LabelJoin();
    state.ids.forEach((id, slot) => {
      join.addPrediction(
        id,
        state.probabilities[slot] as number,
        state.versions[slot] as number,
        state.eventTimes[slot] as number,
      );
      join.outcomes[slot] = state.outcomes[slot] as number;
    });
    for (const [id, outcome] of state.waiting) join.waiting.set(id, outcome);
    return join;
  }

  private label(slot: number, outcome: number): JoinedRow {
    this.outcomes[slot] = code(outcome);
    return {
      probability: this.probabilities[slot] as number,
      version: this.versions[slot] as number,
      eventTimeMs: this.eventTimes[slot] as number,
      outcome,
    };
  }

  private grow(): void {
    const length = this.probabilities.length * 2;
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.probabilities = grown(new Float64Array(length), this.probabilities);
    this.versions = grown(new Int32Array(length), this.versions);
    this.eventTimes = grown(new Float64Array(length), this.eventTimes);
    this.outcomes = grown(new Uint8Array(length), this.outcomes);
  }
}

/** How an outcome is kept: only its side of one half matters to a binary task. */
function code(outcome: number): number {
  return outcome >= 0.5 ? 2 : 1;
}
