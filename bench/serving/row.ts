// What a row of the bench is: it measures some systems in turn, several rounds, and says whether the target is reached.
// The figure is the median over rounds; ratios are of medians.

import type { DedicatedKafka } from '@millrace/testing';
import type { System } from './systems.process.js';

export interface Outcome {
  figure: string;
  target: string;
  /** As printed: value with unit. */
  measured: string;
  /** What the target is compared with; undefined = the figure has no target of its own. */
  ratio?: number;
  met: boolean | undefined;
  /** By system or phase, one value a round. */
  rounds: Record<string, number[]>;
}

/** Serving, and the broker that its prediction log goes to. */
export interface Millrace extends System {
  readonly broker: DedicatedKafka;
}

export interface Bench {
  readonly root: string;
  /** Temporary folder of this run. */
  readonly work: string;
  readonly ghz: string;
  readonly rounds: number;
  /** Seconds of one timed run. */
  readonly seconds: number;
  readonly millrace: Millrace;
  readonly mlserver: System | undefined;
  readonly pytriton: System | undefined;
  /** The ceilings, by their file in bench/echo. */
  echo(file: string): Promise<System>;
  say(line: string): void;
}

export interface Row {
  readonly name: string;
  /** MLServer or pytriton are asked. */
  readonly peers: boolean;
  measure(bench: Bench): Promise<Outcome[]>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/**
 * Runs each of `measures` once a round, in turn, so that a machine whose speed drifts treats all alike; a round 0 warms
 * up and is not kept.
 */
export async function inTurns(
  rounds: number,
  measures: Readonly<Record<string, (warmUp: boolean) => Promise<number>>>,
): Promise<Record<string, number[]>> {
  const kept: Record<string, number[]> = {};
  for (let round = 0; round <= rounds; round++) {
    for (const [name, measure] of Object.entries(measures)) {
      const value = await measure(round === 0);
      if (round === 0) kept[name] = [];
      else kept[name]?.push(value);
    }
  }
  return kept;
}

export const ratioOf = (rounds: Record<string, number[]>, of: string, to: string): number =>
  median(rounds[of] ?? []) / median(rounds[to] ?? []);

export const percent = (ratio: number): string => `${(100 * ratio).toFixed(0)} %`;
export const times = (ratio: number): string => `${ratio.toFixed(2)} ×`;
export const rate = (perSecond: number): string => `${perSecond.toFixed(0)}/s`;
export const ms = (value: number): string => `${value.toFixed(2)} ms`;
