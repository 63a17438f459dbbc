// What the rows of this bench are given.

import type { Outcome } from '../serving/row.js';
import type { System } from '../serving/systems.process.js';
import type { Restartable, Routed, Router } from './routed.process.js';

export interface RouterBench {
  readonly root: string;
  readonly ghz: string;
  readonly rounds: number;
  /** Seconds of one timed run. */
  readonly seconds: number;
  readonly routed: Routed;
  /** Both send to the first serving. */
  readonly routers: readonly [Restartable<Router>, Restartable<Router>];
  /** Of another checkout, before the first serving too. */
  readonly other: Router | undefined;
  readonly mlserver: System | undefined;
  readonly pytriton: System | undefined;
  say(line: string): void;
}

export interface RouterRow {
  readonly name: string;
  measure(bench: RouterBench): Promise<Outcome[]>;
}
