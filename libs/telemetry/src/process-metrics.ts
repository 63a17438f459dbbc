// What the process itself uses: memory, CPU time, event loop delay. Read when metrics are collected, not on a timer.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { counter, gauge } from './instruments.js';

/** Starts the three readings; the returned function stops the event loop histogram. */
export function observeProcess(): () => void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  gauge('millrace.process.resident_memory').observe(() => {
    const used = process.cpuUsage();
    const cpu = counter('millrace.process.cpu_time');
    cpu.add((used.user + used.system) / 1e6 - cpu.value());
    return process.memoryUsage.rss();
  });
  gauge('millrace.process.event_loop_delay_p99').observe(() => {
    const p99Ms = delay.percentile(99) / 1e6;
    delay.reset();
    return Number.isFinite(p99Ms) ? p99Ms : 0;
  });
  return () => delay.disable();
}
