// Encodes raw values with a fitted plan: whole column sets for training, single rows without allocation for serving.
// Cost per row: one map lookup per categorical input, a few float operations per number. An unknown or missing
// categorical value is index 0; a missing number, NaN or an infinity is the plan's fill value; a number outside the
// range of a step that clamps counts as its nearest end; what float32 cannot hold saturates.

import { isMissing, type RawColumn, type RawColumns, type RawValue, rowCount } from './columns.js';
import type { CategoricalStep, CrossStep, FittedPlan, NumericStep } from './plan.js';
import type { Scaling } from './scaling/scaling.js';
import { scalingOf } from './scaling/scalings.js';

const FLOAT32_MAX = 3.4028234663852886e38;

/** MurmurHash3's 32-bit finaliser. */
function mix32(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

interface Numeric {
  step: NumericStep;
  source: number;
  map: Scaling['map'];
  numbers: readonly number[];
  /** The clamp; infinite where there is none. */
  min: number;
  max: number;
}

interface Categorical {
  step: CategoricalStep;
  source: number;
  index: Map<string | number | boolean, number>;
}

interface Cross {
  step: CrossStep;
  /** Encoded columns of the parts, and their vocabulary sizes. */
  parts: Int32Array;
  sizes: Int32Array;
}

/** A fitted plan made ready for encoding: maps instead of lists. */
export class RowEncoder {
  readonly width: number;
  private readonly numeric: Numeric[] = [];
  private readonly categorical: Categorical[] = [];
  private readonly crosses: Cross[] = [];
  private readonly names: string[];

  constructor(readonly plan: FittedPlan) {
    this.width = plan.width;
    this.names = plan.inputs.map((input) => input.name);
    const sizeAt = new Map<string, CategoricalStep>();
    for (const step of plan.steps) {
      if (step.kind === 'cross') {
        const parts = step.inputs.map((input) => {
          const part = sizeAt.get(input);
          if (part === undefined) throw new Error(`cross of "${input}" before its categorical step`);
          return part;
        });
        this.crosses.push({
          step,
          parts: Int32Array.from(parts, (part) => part.at),
          sizes: Int32Array.from(parts, (part) => Math.max(part.vocabulary.length, 1)),
        });
        continue;
      }
      const source = this.names.indexOf(step.input);
      if (source < 0) throw new Error(`step of "${step.input}", which is no input`);
      if (step.kind === 'numeric') {
        const scaling = scalingOf(step.scaling);
        if (scaling === undefined) throw new Error(`scaling "${step.scaling}" of "${step.input}" is not known`);
        const { min, max } = step.clamp ?? { min: -Infinity, max: Infinity };
        this.numeric.push({ step, source, map: scaling.map, numbers: step.numbers ?? [], min, max });
        continue;
      }
      sizeAt.set(step.input, step);
      const type = plan.inputs[source]?.type;
      const index = new Map<string | number | boolean, number>();
      step.vocabulary.forEach((text, i) => {
        if (type === 'text') index.set(text, i + 1);
        else if (type === 'boolean') index.set(text === 'true', i + 1);
        else index.set(Number(text), i + 1);
      });
      this.categorical.push({ step, source, index });
    }
  }

  /** Writes one row to out[offset .. offset + width); values are in signature order. */
  encodeRow(values: ArrayLike<RawValue>, out: Float32Array, offset: number): void {
    for (let k = 0; k < this.numeric.length; k++) {
      const numeric = this.numeric[k] as Numeric;
      encodeNumber(numeric, values[numeric.source], out, offset + numeric.step.at);
    }
    for (let k = 0; k < this.categorical.length; k++) {
      const { step, source, index } = this.categorical[k] as Categorical;
      const value = values[source];
      out[offset + step.at] = isMissing(value) ? 0 : (index.get(value) ?? 0);
    }
    for (let k = 0; k < this.crosses.length; k++) encodeCross(this.crosses[k] as Cross, out, offset);
  }

  /** Encodes all rows, row-major N x width. */
  encodeRows(columns: RawColumns): Float32Array {
    const rows = rowCount(columns, this.names);
    const width = this.width;
    const out = new Float32Array(rows * width);
    for (const numeric of this.numeric) {
      const column = columns[this.names[numeric.source] as string] as RawColumn;
      for (let i = 0; i < rows; i++) encodeNumber(numeric, column[i], out, i * width + numeric.step.at);
    }
    for (const { step, source, index } of this.categorical) {
      const column = columns[this.names[source] as string] as RawColumn;
      for (let i = 0; i < rows; i++) {
        const value = column[i];
        out[i * width + step.at] = isMissing(value) ? 0 : (index.get(value) ?? 0);
      }
    }
    for (const cross of this.crosses) for (let i = 0; i < rows; i++) encodeCross(cross, out, i * width);
    return out;
  }
}

function encodeNumber({ step, map, numbers, min, max }: Numeric, value: RawValue, out: Float32Array, at: number): void {
  const given = typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : Number.NaN;
  const x = Number.isFinite(given) ? given : step.fill;
  const bounded = x === given ? Math.min(Math.max(x, min), max) : x;
  const encoded = ((map === undefined ? bounded : map(bounded, numbers)) - step.offset) * step.scale;
  out[at] = Math.min(Math.max(encoded, -FLOAT32_MAX), FLOAT32_MAX);
  if (step.period === undefined) return;
  const angle = (2 * Math.PI * (x % step.period)) / step.period;
  out[at + 1] = Math.sin(angle);
  out[at + 2] = Math.cos(angle);
}

function encodeCross(cross: Cross, out: Float32Array, offset: number): void {
  const { parts, sizes, step } = cross;
  let joint = 0;
  for (let p = 0; p < parts.length; p++) {
    const code = out[offset + (parts[p] as number)] as number;
    if (code === 0) {
      out[offset + step.at] = 0;
      return;
    }
    joint = joint * (sizes[p] as number) + (code - 1);
  }
  out[offset + step.at] = 1 + (step.hashed ? mix32(joint) % step.buckets : joint);
}

// Encoders by plan object, so that the free functions below cost a lookup; entries go with their plan.
const encoders = new WeakMap<FittedPlan, RowEncoder>();

function encoderOf(plan: FittedPlan): RowEncoder {
  let encoder = encoders.get(plan);
  if (encoder === undefined) {
    encoder = new RowEncoder(plan);
    encoders.set(plan, encoder);
  }
  return encoder;
}

/** All rows, row-major N x plan.width. */
export function encodeRows(plan: FittedPlan, columns: RawColumns): Float32Array {
  return encoderOf(plan).encodeRows(columns);
}

/** One row into out[offset ..]; values in signature order. No allocation. */
export function encodeRow(plan: FittedPlan, values: ArrayLike<RawValue>, out: Float32Array, offset: number): void {
  encoderOf(plan).encodeRow(values, out, offset);
}
