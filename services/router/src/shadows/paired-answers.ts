// What the comparisons of live and shadow answers came to, by project, live version and shadow: sums since the router's
// start. Memory: PAIRS_MAX entries; more share the one of project "".

import type { Compared } from './compared-answers.js';

/** (project, live, shadow) triples: every project with two shadows would take 2,000; those that are in use are few. */
const PAIRS_MAX = 256;

export interface PairedAnswers extends Compared {
  project: string;
  live: number;
  shadow: number;
  /** Requests that both versions answered, and whose answers could be compared. */
  requests: number;
  /** Both answered, but with other outputs or shapes, many times, or too much to keep. */
  uncompared: number;
}

export class AnswerPairs {
  private readonly pairs = new Map<string, PairedAnswers>();

  add(project: string, live: number, shadow: number, compared: Compared | undefined): void {
    const pair = this.of(project, live, shadow);
    if (compared === undefined) {
      pair.uncompared += 1;
      return;
    }
    pair.requests += 1;
    pair.rows += compared.rows;
    pair.disagreeing += compared.disagreeing;
    pair.elements += compared.elements;
    pair.differenceSum += compared.differenceSum;
    pair.notFinite += compared.notFinite;
  }

  all(): PairedAnswers[] {
    return [...this.pairs.values()];
  }

  private of(project: string, live: number, shadow: number): PairedAnswers {
    const key = `${live} ${shadow} ${project}`;
    const found = this.pairs.get(key);
    if (found !== undefined) return found;
    if (this.pairs.size >= PAIRS_MAX && project !== '') return this.of('', 0, 0);
    const sums = { requests: 0, uncompared: 0, rows: 0, disagreeing: 0, elements: 0, differenceSum: 0, notFinite: 0 };
    const made = { project, live, shadow, ...sums };
    this.pairs.set(key, made);
    return made;
  }
}
