// The engine of specs that drive it without brokers: one process, which holds every partition number and judges every
// project. What it would write is kept here, for a restart.

import type { MetadataCache } from '../src/metadata/metadata-cache.js';
import { termsOf } from '../src/quality/task-terms.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import { keys } from '../src/windows/board.js';
import { Engine, type EngineOptions } from '../src/windows/engine.js';
import { assembled, placed } from '../src/windows/number-pieces.js';
import type { NumberState } from '../src/windows/number-state.js';
import { Reports } from '../src/windows/reports.js';

const IDLE_MS = { predictions: 5_000, labels: 60_000 };

export function anEngine(metadata: MetadataCache, part: Partial<EngineOptions> = {}): Engine {
  return new Engine({
    project: (name) => metadata.project(name),
    metadata,
    traffic: new TrafficHistory(),
    idleMs: IDLE_MS,
    terms: termsOf,
    judges: () => true,
    ...{ joinRowsMax: 100_000, retainedWindows: 2, windowsKept: 100, ...part },
  });
}

/** What is durable of an engine: what it told as a judge, by key, and the checkpoints of its numbers. */
export interface Durable {
  board: Record<string, unknown>;
  numbers: NumberState[];
}

const PARTITIONS = [0, 1, 2, 3];

/** `before`: what was durable already, and is replaced key by key. */
export function told(engine: Engine, before: Durable['board'] = {}): Durable['board'] {
  const board = { ...before };
  for (const monitor of engine.all()) {
    for (const window of monitor.windowStates())
      board[keys.judged(monitor.name, window.startMs)] = { ...monitor.of, window };
    board[keys.judge(monitor.name)] = monitor.judgeEntry();
    for (const reference of monitor.references.state())
      board[keys.reference(monitor.name, reference.version)] = { ...monitor.of, reference };
  }
  for (const record of engine.drainHistory()) board[keys.history(record)] = record;
  return JSON.parse(JSON.stringify(board));
}

/** As a checkpoint has it that was read. */
export function numberState(engine: Engine, partition: number): NumberState {
  return assembled(
    placed(engine.numberPieces(partition), (piece) => piece.value()),
    (value) => value,
  );
}

export function saved(engine: Engine, before: Durable['board'] = {}): Durable {
  const numbers = PARTITIONS.map((partition) => numberState(engine, partition));
  return JSON.parse(JSON.stringify({ board: told(engine, before), numbers }));
}

/** Into a fresh engine. */
export function restored(engine: Engine, { board, numbers }: Durable, nowMs = 0): Engine {
  for (const [key, value] of Object.entries(board)) engine.told(key, value, nowMs);
  for (const state of numbers) engine.hold(state.partition, state, nowMs);
  return engine;
}

/** The reports of a process that holds every number from its beginning. */
export function heldBy(engine: Engine): Reports {
  const reports = new Reports(engine, engine.board, IDLE_MS, () => 0);
  for (const partition of PARTITIONS) {
    engine.hold(partition, undefined, 0);
    reports.hold(partition);
  }
  return reports;
}

/** For specs that are not about it. */
export const noArchive = {
  room: async () => undefined,
  prediction: () => undefined,
  label: () => undefined,
  begunAnew: () => undefined,
  hold: () => undefined,
  release: () => undefined,
};
