// What sharing a backlog costs: the same is read by one process, and by two that share the partitions. By the CPU of
// their processes; wall-clock is told beside it, since the broker shares the cores.

import { isDeepStrictEqual } from 'node:util';
import { median, type Outcome, percent, times } from '../serving/row.js';
import type { LiveBench } from './row.js';

const CPU_RATIO_MAX = 1.15;
const SHARE = { min: 0.4, max: 0.6 };
/** Half as much again as either takes for its slice; figures of memory are the whole rows'. */
const SLICE_PEAK_MIB_MAX = 600;

/** What a process has read, and what it took. */
export interface Reading {
  messages: number;
  cpuSeconds: number;
  atMs: number;
}

export interface SharedRun {
  /** CPU seconds of 1,000 messages. */
  cpu: number;
  seconds: number;
  /** Of the messages, by process. */
  shares: number[];
}

/** From when every process has its partitions: until then the first one reads for all. */
export function sharedRun(begun: readonly Reading[], ended: readonly Reading[], messages: number): SharedRun {
  const all = ended.reduce((sum, reading, i) => sum + reading.messages - (begun[i]?.messages ?? 0), 0);
  const cpuSeconds = ended.reduce((sum, reading, i) => sum + reading.cpuSeconds - (begun[i]?.cpuSeconds ?? 0), 0);
  const seconds = (Math.max(...ended.map(({ atMs }) => atMs)) - Math.min(...begun.map(({ atMs }) => atMs))) / 1_000;
  return { cpu: (1_000 * cpuSeconds) / all, seconds, shares: ended.map((reading) => reading.messages / messages) };
}

function sharesOutcome(what: string, shares: readonly number[]): Outcome {
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  return {
    figure: `what each of two ${what} has read at the end`,
    target: `${percent(SHARE.min)} to ${percent(SHARE.max)}`,
    measured: `${percent(least)} to ${percent(most)}`,
    met: least >= SHARE.min && most <= SHARE.max,
    rounds: { shares: [...shares] },
  };
}

/** What one and two processes have made of the same backlog, and the most memory that a process had. */
export interface SharedSlice<T> {
  what: string;
  /** The name of what they make, and how many of it there are to be. */
  made: { name: string; count: number };
  one: readonly T[];
  two: readonly T[];
  shares: readonly number[];
  peakMib: number;
}

export function sliceOutcomes<T>({ what, made, one, two, shares, peakMib }: SharedSlice<T>): Outcome[] {
  const other = one.findIndex((expected, i) => !isDeepStrictEqual(expected, two[i]));
  const isSame = other < 0 && two.length === one.length;
  const difference = other < 0 ? '' : `: ${JSON.stringify(two[other])} for ${JSON.stringify(one[other])}`;
  return [
    {
      figure: `${made.name} of two ${what} are those of one`,
      target: `${made.count}`,
      measured: `${two.length} of ${one.length}${difference}`,
      met: isSame && one.length === made.count,
      rounds: {},
    },
    sharesOutcome(what, shares),
    {
      figure: `memory of ${what} is bounded, whatever the backlog`,
      target: `<= ${SLICE_PEAK_MIB_MAX} MiB`,
      measured: `${peakMib.toFixed(0)} MiB`,
      met: peakMib <= SLICE_PEAK_MIB_MAX,
      rounds: {},
    },
  ];
}

export async function measureSharing(
  { rounds }: LiveBench,
  what: string,
  run: (round: number, processes: number) => Promise<SharedRun>,
): Promise<Outcome[]> {
  const kept: Record<string, number[]> = {};
  const keep = (name: string, value: number) => {
    kept[name] = [...(kept[name] ?? []), value];
  };
  const shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const processes of [1, 2]) {
      const { cpu, seconds, shares: ofRun } = await run(round, processes);
      keep(`${processes}: CPU ms of 1,000`, 1_000 * cpu);
      keep(`${processes}: seconds`, seconds);
      if (processes === 2) shares.push(...ofRun);
    }
  }
  const of = (name: string) => median(kept[name] ?? []);
  const [one, two] = [of('1: CPU ms of 1,000'), of('2: CPU ms of 1,000')];
  const ratio = two / one;
  return [
    {
      figure: `CPU of 1,000 messages, two ${what} : one`,
      target: `<= ${times(CPU_RATIO_MAX)}`,
      measured: `${two.toFixed(2)} : ${one.toFixed(2)} ms`,
      ratio,
      met: ratio <= CPU_RATIO_MAX,
      rounds: kept,
    },
    sharesOutcome(what, shares),
    {
      figure: 'seconds, two : one (the broker shares the cores)',
      target: '',
      measured: `${of('2: seconds').toFixed(1)} : ${of('1: seconds').toFixed(1)} s`,
      ratio: of('2: seconds') / of('1: seconds'),
      met: undefined,
      rounds: {},
    },
  ];
}
