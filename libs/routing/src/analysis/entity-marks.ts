// By entity bucket, what each cut of each criterion counts of one version's answers, so that a judge sees whether some
// few entities make a difference (libs/statistics sequential/design-effect.ts). Where a cut is, is taken from the
// stable version's answers so far; it may move, and may differ between routers, for what is looked at is only whether
// buckets differ from each other. Mergeable; O(cuts) per answer, 8 bytes a cut and bucket.

import type { ClusterCounts } from '@millrace/statistics';
import { ENTITY_BUCKETS } from './entity-buckets.js';

/** What has become known of an answer; of a finite score `isEqual` closes a pair. */
export interface AnswerFacts {
  isFailed?: boolean;
  latencyUs?: number;
  score?: number;
  isEqual?: boolean;
}

/** A cut, and whether it counts an answer; undefined: by what has become known the answer cannot be cut. */
export interface AimedCut {
  readonly name: string;
  counts(answer: AnswerFacts): boolean | undefined;
}

/** Of one cut: by bucket, answers that can be cut, and those that count. */
export interface EntityMarksState {
  cut: string;
  n: number[];
  k: number[];
}

interface Column extends ClusterCounts {
  readonly n: Uint32Array;
  readonly k: Uint32Array;
}

export class EntityMarks {
  private readonly columns = new Map<string, Column>();
  private aimed: { cut: AimedCut; column: Column }[] = [];

  /** From now on it counts by these. */
  aim(cuts: readonly AimedCut[]): void {
    this.aimed = cuts.map((cut) => ({ cut, column: this.column(cut.name) }));
  }

  add(bucket: number, answer: AnswerFacts): void {
    for (const { cut, column } of this.aimed) {
      const counts = cut.counts(answer);
      if (counts === undefined) continue;
      column.n[bucket]! += 1;
      if (counts) column.k[bucket]! += 1;
    }
  }

  of(cut: string): ClusterCounts | undefined {
    return this.columns.get(cut);
  }

  merge(other: EntityMarks): void {
    for (const [cut, { n, k }] of other.columns) {
      const column = this.column(cut);
      for (let i = 0; i < ENTITY_BUCKETS; i++) {
        column.n[i]! += n[i] as number;
        column.k[i]! += k[i] as number;
      }
    }
  }

  state(): EntityMarksState[] {
    return [...this.columns].map(([cut, { n, k }]) => ({ cut, n: [...n], k: [...k] }));
  }

  static fromState(state: readonly EntityMarksState[]): EntityMarks {
    const marks = new EntityMarks();
    for (const { cut, n, k } of state) {
      const column = marks.column(cut);
      column.n.set(n.slice(0, ENTITY_BUCKETS));
      column.k.set(k.slice(0, ENTITY_BUCKETS));
    }
    return marks;
  }

  private column(cut: string): Column {
    let column = this.columns.get(cut);
    if (column === undefined) {
      column = { n: new Uint32Array(ENTITY_BUCKETS), k: new Uint32Array(ENTITY_BUCKETS) };
      this.columns.set(cut, column);
    }
    return column;
  }
}
