// How much work a training puts in, from the number of its rows, wherever the project file says nothing itself: rows
// held out, the batch, how often they are looked at, and the most passes. Measured on public tables of 569 to 1,000,000
// rows, none of them tuned for: docs/training-defaults.md.

import type { HeldOut } from './job.js';

/** What the project file may say itself. */
export interface EffortWishes {
  batchRows?: number;
  /** Exactly so many passes, without held-out rows. */
  epochs?: number;
  finalLearningRateShare: number;
}

export interface Effort {
  batchRows: number;
  /** With `stopping`: the most. */
  epochs: number;
  /** Absent = all passes are made, on all rows. */
  stopping?: HeldOut;
}

/**
 * Of the rows of a training. HELD_OUT_MAX tell half a percent of a log loss; with 20,000 a network of 80,000 rows lost
 * more by the rows that it did not see than it gained.
 */
const HELD_OUT_SHARE = 0.15;
const HELD_OUT_MAX = 5_000;

/** An epoch has about so many steps, with a batch within these bounds: powers of two, for what computes it. */
const STEPS_PER_EPOCH = 100;
const BATCH_MIN = 32;
const BATCH_MAX = 2_048;

/** A look costs a forward pass of the held-out rows: not at every step of few, not once in minutes of many. */
const LOOK_STEPS = { min: 50, max: 250 };
/** Looks without a better loss before the rate falls or the training ends. */
const PATIENCE = 5;

/** A bound on the time for what never stops learning. */
const EPOCHS_MAX = 60;
/** Few rows make few steps a pass: as many passes as make this many steps. */
const STEPS_MIN = 6_000;

/**
 * A warm start knows most already, and few new rows are soon learned by heart: half the passes gave a lower log loss on
 * the newest fifth than all, over ten windows of 9 and 15 days of shifted flights (-0.030 against -0.025).
 */
function warmEpochs(epochs: number): number {
  return Math.max(1, Math.round(epochs / 2));
}

export function effortFor(rows: number, wishes: EffortWishes, warm = false): Effort {
  const { batchRows, epochs, finalLearningRateShare } = wishes;
  if (epochs !== undefined) {
    const batch = batchRows === undefined ? batchFor(rows) : shrunk(rows, batchRows);
    return { batchRows: batch, epochs: warm ? warmEpochs(epochs) : epochs };
  }
  const heldOut = Math.min(HELD_OUT_MAX, Math.max(1, Math.round(rows * HELD_OUT_SHARE)));
  const trained = rows - heldOut;
  if (trained < 1) return { batchRows: 1, epochs: 1 };
  const batch = batchRows === undefined ? batchFor(trained) : shrunk(trained, batchRows);
  const stepsPerEpoch = Math.ceil(trained / batch);
  return {
    batchRows: batch,
    epochs: Math.max(EPOCHS_MAX, Math.ceil(STEPS_MIN / stepsPerEpoch)),
    stopping: {
      rows: heldOut,
      everySteps: Math.min(LOOK_STEPS.max, Math.max(LOOK_STEPS.min, stepsPerEpoch)),
      patience: PATIENCE,
      finalRateShare: finalLearningRateShare,
    },
  };
}

function batchFor(rows: number): number {
  const batch = 2 ** Math.round(Math.log2(Math.max(1, rows / STEPS_PER_EPOCH)));
  return Math.min(BATCH_MAX, Math.max(BATCH_MIN, batch));
}

/**
 * Updates per epoch below which the project's batch shrinks, and the smallest batch that comes of it; both measured on
 * warm starts with 7,000 and 11,000 rows (512 beat 256 and 2,048).
 */
const SHRINK = { stepsPerEpoch: 25, batchMin: 512 };

function shrunk(rows: number, batchRows: number): number {
  let batch = batchRows;
  while (batch / 2 >= SHRINK.batchMin && rows / batch < SHRINK.stepsPerEpoch) batch = Math.floor(batch / 2);
  return batch;
}
