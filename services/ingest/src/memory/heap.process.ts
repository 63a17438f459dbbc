// This process' memory and event loop, and the collection that gives pages back to the system: a full one, with V8's
// pools emptied ("last resort"), for which V8 has no other call.

import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '@millrace/domain';
import { MemoryReturn } from './memory-return.js';

type Collect = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

export class HeapKeeper {
  private readonly memory = new MemoryReturn(process.memoryUsage.rss());
  private loop = performance.eventLoopUtilization();
  private collect: Collect | undefined;

  constructor(private readonly clock: Clock) {}

  /** Gives memory back where it is time to; says from how many bytes to how many. */
  tick(): { fromBytes: number; toBytes: number } | null {
    const atMs = this.clock.monotonicMs();
    const loop = performance.eventLoopUtilization();
    const { utilization: busyShare } = performance.eventLoopUtilization(loop, this.loop);
    this.loop = loop;
    const fromBytes = process.memoryUsage.rss();
    if (!this.memory.isDue({ atMs, residentBytes: fromBytes, busyShare })) return null;
    this.collect ??= collector();
    this.collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    const toBytes = process.memoryUsage.rss();
    this.memory.returned(atMs, toBytes);
    return { fromBytes, toBytes };
  }
}

/** V8 gives its collector only to contexts that are made while it is exposed. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
