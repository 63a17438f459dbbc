// What a row of the live bench is: it starts the processes that it measures, of the built code and with a broker of its
// own, and says whether the target is reached. Rows share nothing.

import type { Outcome } from '../serving/row.js';

export interface LiveBench {
  readonly root: string;
  /** Temporary folder of this row. */
  readonly work: string;
  readonly rounds: number;
  /** For the measured processes, for example `--cpu-prof`; figures of a run with any are no measurement. */
  readonly nodeArguments: readonly string[];
  say(line: string): void;
}

export interface LiveRow {
  readonly name: string;
  /** One line: what is measured. */
  readonly says: string;
  /** Of the data that it makes. */
  readonly seed: number;
  measure(bench: LiveBench): Promise<Outcome[]>;
}
