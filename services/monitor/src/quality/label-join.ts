// Joins predictions and labels of one window by prediction id, in either order of arrival, each at most once.
//
// A prediction id seen again with the same mark is a redelivery and changes nothing; with another mark a client has
// used its request id for another prediction, and a label of that id might mean any of them: it is counted and joins
// none; one that names a record joins the first. The first label of a prediction counts; a second one of the same
// value is a duplicate, of another value a contradiction; both are only counted. A label whose prediction has not
// come waits here. Memory: an id's characters and 60 bytes, and each list of cohorts once, which the caller gives as
// the same array again; the owner bounds rows over all windows.

import { type Cohort, cohortKey, parseCohortKey } from '@millrace/domain';
import type { RolloutDraw } from '@millrace/routing';
import { IdTable } from './id-table.js';

export type LabelOutcome = 'joined' | 'waiting' | 'duplicate' | 'contradiction' | 'ambiguous';

export interface JoinedRow {
  score: number;
  label: number;
  /** Cohorts that the row counts in, beside ALL. */
  cohorts: readonly Cohort[];
  eventTimeMs: number;
  /** Of the rollout that its version was drawn in. */
  draw: RolloutDraw | undefined;
  /** Of what it was drawn by; undefined: it was not drawn in a rollout. */
  bucket: number | undefined;
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
  /** Of each of `cohorts`; absent where none was drawn in a rollout. */
  draws?: (RolloutDraw | null)[];
  /** Absent in states of release 0.2: every id seen again is a redelivery. */
  marks?: number[];
  /** One more than the entity bucket of a row that was drawn in a rollout, else 0; absent where none was. */
  buckets?: number[];
  /** Slots of ids that were used again. */
  reused?: number[];
}

/** Rows of a join by columns; all but the last chunk are full, and change by labels alone. */
export type JoinChunk = Pick<
  LabelJoinState,
  'ids' | 'scores' | 'groups' | 'eventTimes' | 'labels' | 'marks' | 'buckets'
>;
export type JoinHead = Pick<LabelJoinState, 'waiting' | 'cohorts' | 'draws' | 'reused'>;

/** About 300 KB saved: what a row or a label has to write anew. */
const CHUNK_ROWS = 4_096;
const FIRST_CAPACITY = 256;

/** What rows have in common. */
interface Group {
  cohorts: readonly Cohort[];
  draw: RolloutDraw | undefined;
}

export class LabelJoin {
  private readonly ids = new IdTable();
  private readonly waiting = new Map<string, number>();
  private readonly groups: Group[] = [];
  /** By cohorts, then by draw. */
  private readonly groupOf = new Map<readonly Cohort[], Map<string, number>>();
  private scores = new Float64Array(0);
  private rowGroups = new Int32Array(0);
  private eventTimes = new Float64Array(0);
  /** NaN: none yet. */
  private labels = new Float64Array(0);
  /** 0: not known. */
  private marks = new Uint32Array(0);
  /** 0: none. */
  private buckets = new Uint8Array(0);
  private readonly reused = new Set<number>();
  /** By chunk: how often it changed. */
  private readonly chunkChanges: number[] = [];
  /** Grows with the head. */
  headChanges = 0;

  /** Rows held: predictions and waiting labels. */
  get size(): number {
    return this.ids.size + this.waiting.size;
  }

  get waitingLabels(): number {
    return this.waiting.size;
  }

  /** Labels whose prediction has not come, by id. */
  waitingList(): [id: string, label: number][] {
    return [...this.waiting];
  }

  /** Of a prediction that has not come. */
  waitingLabel(predictionId: string): number | undefined {
    return this.waiting.get(predictionId);
  }

  /** The label is joined elsewhere. */
  forget(predictionId: string): void {
    this.headChanges += 1;
    this.waiting.delete(predictionId);
  }

  has(predictionId: string): boolean {
    return this.ids.slot(predictionId) !== undefined;
  }

  /** Whether a prediction is new, came before, or has the id of another one. `mark`: what tells it from others. */
  seen(predictionId: string, mark: number): 'new' | 'again' | 'reused' {
    const slot = this.ids.slot(predictionId);
    if (slot === undefined) return 'new';
    const known = this.marks[slot] as number;
    if (known === mark || known === 0) return 'again';
    this.reused.add(slot);
    this.headChanges += 1;
    return 'reused';
  }

  /** Adds a prediction whose id is new; gives the joined row when its label was already waiting. */
  addPrediction(
    predictionId: string,
    score: number,
    cohorts: readonly Cohort[],
    eventTimeMs: number,
    { mark = 0, draw, bucket }: { mark?: number } & Partial<Pick<JoinedRow, 'draw' | 'bucket'>> = {},
  ): JoinedRow | undefined {
    const slot = this.ids.add(predictionId);
    if (slot === this.scores.length) this.grow();
    this.changed(slot);
    this.scores[slot] = score;
    this.rowGroups[slot] = this.group(cohorts, draw);
    this.eventTimes[slot] = eventTimeMs;
    this.marks[slot] = mark;
    this.buckets[slot] = bucket === undefined ? 0 : bucket + 1;
    const label = this.waiting.get(predictionId);
    if (label === undefined) return undefined;
    this.waiting.delete(predictionId);
    this.headChanges += 1;
    return this.join(slot, label);
  }

  /**
   * `row` is set when and only when the outcome is 'joined'. `ofRecord`: the label names a record, which each of
   * several predictions of the id is of: the first one has it.
   */
  addLabel(predictionId: string, label: number, ofRecord = false): { kind: LabelOutcome; row?: JoinedRow } {
    const slot = this.ids.slot(predictionId);
    if (slot === undefined) {
      const held = this.waiting.get(predictionId);
      if (held !== undefined) return { kind: held === label ? 'duplicate' : 'contradiction' };
      this.waiting.set(predictionId, label);
      this.headChanges += 1;
      return { kind: 'waiting' };
    }
    if (this.reused.has(slot) && !ofRecord) return { kind: 'ambiguous' };
    const known = this.labels[slot] as number;
    if (!Number.isNaN(known)) return { kind: known === label ? 'duplicate' : 'contradiction' };
    return { kind: 'joined', row: this.join(slot, label) };
  }

  get chunks(): number {
    return Math.ceil(this.ids.size / CHUNK_ROWS);
  }

  /** The same for as long as the chunk is. */
  chunkVersion(chunk: number): number {
    return this.chunkChanges[chunk] ?? 0;
  }

  chunk(chunk: number): JoinChunk {
    const from = chunk * CHUNK_ROWS;
    const to = Math.min(from + CHUNK_ROWS, this.ids.size);
    const buckets = this.buckets.subarray(from, to);
    return {
      ids: Array.from({ length: to - from }, (_, i) => this.ids.id(from + i)),
      scores: [...this.scores.subarray(from, to)],
      groups: [...this.rowGroups.subarray(from, to)],
      eventTimes: [...this.eventTimes.subarray(from, to)],
      labels: Array.from(this.labels.subarray(from, to), (label) => (Number.isNaN(label) ? null : label)),
      marks: [...this.marks.subarray(from, to)],
      ...(buckets.some((bucket) => bucket > 0) ? { buckets: [...buckets] } : {}),
    };
  }

  head(): JoinHead {
    return {
      waiting: [...this.waiting],
      reused: [...this.reused],
      cohorts: this.groups.map(({ cohorts }) => cohorts.map(cohortKey)),
      ...(this.groups.some(({ draw }) => draw !== undefined)
        ? { draws: this.groups.map(({ draw }) => draw ?? null) }
        : {}),
    };
  }

  state(): LabelJoinState {
    return joinState(
      this.head(),
      Array.from({ length: this.chunks }, (_, chunk) => this.chunk(chunk)),
    );
  }

  static fromState(state: LabelJoinState): LabelJoin {
    const join = new LabelJoin();
    const groups = state.cohorts.map((keys) => keys.flatMap((key) => parseCohortKey(key) ?? []));
    state.ids.forEach((id, slot) => {
      const cohorts = groups[state.groups[slot] as number] ?? [];
      const draw = state.draws?.[state.groups[slot] as number] ?? undefined;
      const bucket = (state.buckets?.[slot] ?? 0) - 1;
      const kept = { mark: state.marks?.[slot] ?? 0, draw, bucket: bucket < 0 ? undefined : bucket };
      join.addPrediction(id, state.scores[slot] as number, cohorts, state.eventTimes[slot] as number, kept);
      join.labels[slot] = state.labels[slot] ?? Number.NaN;
    });
    for (const slot of state.reused ?? []) join.reused.add(slot);
    for (const [id, label] of state.waiting) join.waiting.set(id, label);
    return join;
  }

  private changed(slot: number): void {
    const chunk = Math.floor(slot / CHUNK_ROWS);
    this.chunkChanges[chunk] = (this.chunkChanges[chunk] ?? 0) + 1;
  }

  private join(slot: number, label: number): JoinedRow {
    this.labels[slot] = label;
    this.changed(slot);
    const { cohorts, draw } = this.groups[this.rowGroups[slot] as number] as Group;
    const [score, eventTimeMs] = [this.scores[slot] as number, this.eventTimes[slot] as number];
    const bucket = (this.buckets[slot] as number) - 1;
    return { score, label, cohorts, eventTimeMs, draw, bucket: bucket < 0 ? undefined : bucket };
  }

  private group(cohorts: readonly Cohort[], draw: RolloutDraw | undefined): number {
    let ofCohorts = this.groupOf.get(cohorts);
    if (ofCohorts === undefined) {
      ofCohorts = new Map();
      this.groupOf.set(cohorts, ofCohorts);
    }
    const key = draw === undefined ? '' : `${draw.fromRevision}/${draw.weight}`;
    let index = ofCohorts.get(key);
    if (index === undefined) {
      index = this.groups.push({ cohorts, draw }) - 1;
      this.headChanges += 1;
      ofCohorts.set(key, index);
    }
    return index;
  }

  private grow(): void {
    const length = Math.max(FIRST_CAPACITY, this.scores.length * 2);
    const grown = <T extends Float64Array | Int32Array | Uint32Array | Uint8Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.scores = grown(new Float64Array(length), this.scores);
    this.rowGroups = grown(new Int32Array(length), this.rowGroups);
    this.eventTimes = grown(new Float64Array(length), this.eventTimes);
    this.marks = grown(new Uint32Array(length), this.marks);
    this.buckets = grown(new Uint8Array(length), this.buckets);
    this.labels = grown(new Float64Array(length).fill(Number.NaN), this.labels);
  }
}

export function joinState(head: JoinHead, chunks: readonly JoinChunk[]): LabelJoinState {
  const all = <T>(of: (chunk: JoinChunk) => readonly T[]): T[] => chunks.flatMap(of);
  return {
    ids: all(({ ids }) => ids),
    scores: all(({ scores }) => scores),
    groups: all(({ groups }) => groups),
    eventTimes: all(({ eventTimes }) => eventTimes),
    labels: all(({ labels }) => labels),
    marks: all(({ marks = [] }) => marks),
    ...(chunks.some(({ buckets }) => buckets !== undefined)
      ? { buckets: all(({ ids, buckets = ids.map(() => 0) }) => buckets) }
      : {}),
    ...head,
  };
}
