// What turns the raw rows of a batch into the numbers that a version's head reads: for a trained package its fitted
// plan and one matrix (encoded-rows.ts), for a model that was made elsewhere its binding and named tensors
// (bound-rows.ts). One call a batch each: nothing here is asked for every row.

import type { RawRows } from '../declaration/signature.js';
import type { TaskHead } from './task-head.js';

/** A request's rows, in signature order. */
export interface RowsOfJob {
  readonly raw: RawRows;
}

/** `Input`: the rows as the engine takes them. */
export interface RowModel<Input = unknown> {
  /** As V2's metadata states it. */
  readonly platform: string;
  /** Why it will never answer again until it is loaded anew; undefined or '' = it answers. */
  readonly failure?: string;
  /** All rows of the jobs, one job after the other. Throws invalid_argument where a row cannot be the model's input. */
  encode(jobs: readonly RowsOfJob[], rows: number): Input;
  /** `head.width` numbers a row. Throws corrupt where what the model answers is no answer of the head's task. */
  infer(input: Input, rows: number): Promise<Float32Array>;
  /** Its input may be used again; left out where it failed. */
  release(input: Input): void;
  /** Runs it at the sizes that will come, so that the first caller pays for nothing. */
  warmUp(head: TaskHead): Promise<void>;
  close(): Promise<void>;
}
