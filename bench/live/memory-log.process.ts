// The resident memory of a platform's processes, every few seconds.

import { readdirSync, readFileSync } from 'node:fs';
import { stateOf } from '../live-intake/ingest.process.js';

const EVERY_MS = 5_000;

/** The process of this platform's home whose command line has `part`. */
function pidOf(part: string, home: string): number {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (!readFileSync(`/proc/${entry}/cmdline`, 'latin1').includes(part)) continue;
      if (readFileSync(`/proc/${entry}/environ`, 'latin1').includes(`MILLRACE_HOME=${home}`)) return Number(entry);
    } catch {
      // It ended while we looked.
    }
  }
  throw new Error(`no process ${part}`);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

export class MemoryLog<Name extends string> {
  private readonly pids: [Name, number][];
  private readonly samples = new Map<Name, number[]>();
  private timer: NodeJS.Timeout | undefined;

  /** `parts`: of each process' command line. */
  constructor(parts: Readonly<Record<Name, string>>, home: string) {
    this.pids = (Object.entries(parts) as [Name, string][]).map(([name, part]) => [name, pidOf(part, home)]);
  }

  start(): void {
    this.look();
    this.timer = setInterval(() => this.look(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  newest(name: Name): { rssMib: number } {
    return { rssMib: this.of(name).at(-1) ?? Number.NaN };
  }

  /** MiB: the mean of each third of the run, and the most. */
  summary(name: Name): { thirds: [number, number, number]; maxMib: number; samples: number[] } {
    const samples = this.of(name);
    const third = (part: number) =>
      mean(samples.slice(Math.floor((part * samples.length) / 3), Math.floor(((part + 1) * samples.length) / 3)));
    return {
      thirds: [third(0), third(1), third(2)],
      maxMib: Math.max(...samples),
      samples: samples.map((sample) => Math.round(sample)),
    };
  }

  private of(name: Name): number[] {
    return this.samples.get(name) ?? [];
  }

  private look(): void {
    for (const [name, pid] of this.pids) this.samples.set(name, [...this.of(name), stateOf(pid).rssMib]);
  }
}
