import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import { type Engine, type EngineState, STATE_FORMAT } from '../windows/engine.js';
import type { HistoryRecord } from '../windows/history.js';
import { Checkpointer, type LoadedState, type StateStore } from './checkpoint.js';

const record = (startMs: number): HistoryRecord => ({ kind: 'quality', project: 'p', startMs, buckets: [] });

/** An engine reduced to what a checkpoint asks of it. */
function stand() {
  const finished: HistoryRecord[] = [];
  const state = { format: STATE_FORMAT, positions: [], projects: [], outbox: [] } as EngineState;
  const engine = { drainHistory: () => finished.splice(0), state: () => state } as unknown as Engine;
  return { engine, finished, state };
}

class MemoryStore implements StateStore {
  readonly calls: string[] = [];
  readonly lines: string[] = [];
  failNext: 'history' | 'snapshot' | undefined;
  tookMs = 0;

  constructor(private readonly clock: ManualClock) {}

  async load(): Promise<LoadedState> {
    return { kind: 'absent' };
  }

  async appendHistory(lines: string): Promise<void> {
    this.calls.push('history');
    if (this.failNext === 'history') {
      this.failNext = undefined;
      throw new Error('disk full');
    }
    this.lines.push(...lines.trim().split('\n'));
  }

  async writeSnapshot(): Promise<void> {
    this.calls.push('snapshot');
    if (this.failNext === 'snapshot') {
      this.failNext = undefined;
      throw new Error('disk full');
    }
    this.clock.advance(this.tookMs);
  }
}

describe('Checkpointer', () => {
  it('writes history before the snapshot that no longer holds it, and nothing when nothing changed', async () => {
    const clock = new ManualClock(1);
    const store = new MemoryStore(clock);
    const { engine, finished } = stand();
    const checkpointer = new Checkpointer(engine, store, clock, 1_000);
    await checkpointer.maybe();
    expect(store.calls).toEqual([]);
    finished.push(record(1));
    checkpointer.touched();
    await checkpointer.maybe();
    expect(store.calls).toEqual(['history', 'snapshot']);
    checkpointer.touched();
    await checkpointer.maybe();
    expect(store.calls).toHaveLength(2);
    clock.advance(1_000);
    await checkpointer.maybe();
    expect(store.calls).toEqual(['history', 'snapshot', 'snapshot']);
  });

  it('waits ten times as long as a checkpoint took', async () => {
    const clock = new ManualClock(1);
    const store = new MemoryStore(clock);
    const checkpointer = new Checkpointer(stand().engine, store, clock, 1_000);
    store.tookMs = 500;
    await checkpointer.write();
    checkpointer.touched();
    clock.advance(4_999);
    await checkpointer.maybe();
    expect(store.calls).toHaveLength(1);
    clock.advance(1);
    await checkpointer.maybe();
    expect(store.calls).toHaveLength(2);
  });

  it.each(['history', 'snapshot'] as const)('loses no history when writing the %s fails', async (which) => {
    const clock = new ManualClock(1);
    const store = new MemoryStore(clock);
    const { engine, finished } = stand();
    const checkpointer = new Checkpointer(engine, store, clock, 1_000);
    finished.push(record(1), record(2));
    checkpointer.touched();
    store.failNext = which;
    await expect(checkpointer.maybe()).rejects.toThrow('disk full');
    finished.push(record(3));
    await checkpointer.maybe();
    expect(store.lines.map((line) => JSON.parse(line).startMs)).toEqual([1, 2, 3]);
    expect(store.calls[store.calls.length - 1]).toBe('snapshot');
  });

  it('lets two callers follow each other', async () => {
    const clock = new ManualClock(1);
    const store = new MemoryStore(clock);
    const checkpointer = new Checkpointer(stand().engine, store, clock, 1_000);
    await Promise.all([checkpointer.write(), checkpointer.write()]);
    expect(store.calls).toEqual(['snapshot', 'snapshot']);
  });
});
