// A histogram of finite numbers of any size and sign without edges of its own, so that histograms made apart merge:
// each power of two of |x| from 2^-32 to 2^32 is cut into 32 equal parts, so that a bucket is at most 1/32 = 3.1 %
// wide; what is nearer to 0 counts as 0, what is farther as the farthest. Counters in ascending order of x: 4,097 of
// 8 bytes, O(1) per value. NaN and infinities are the caller's to keep out.

const PARTS_BITS = 5;
const EXPONENTS = 64;
const SIDE = EXPONENTS << PARTS_BITS;
const BUCKETS = 2 * SIDE + 1;
const EXPONENT_MIN = -32;
/** The upper 17 bits of a double without its sign, at 2^EXPONENT_MIN. */
const BASE = (1023 + EXPONENT_MIN) << PARTS_BITS;
const MANTISSA_BITS_IN_HIGH_WORD = 20;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);
/** Where a double's sign and exponent are. */
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

export class FloatHistogram {
  private readonly counts = new Float64Array(BUCKETS);
  private total = 0;
  /** Nothing is outside of these: scores take a few hundred buckets, and only those are walked. */
  private lowest = BUCKETS;
  private highest = -1;

  add(x: number): void {
    this.put(floatBucket(x), 1);
  }

  get count(): number {
    return this.total;
  }

  merge(other: FloatHistogram): void {
    for (let i = other.lowest; i <= other.highest; i++) this.put(i, other.counts[i] as number);
  }

  /** The bucket that holds the quantile; of an empty histogram the first one. */
  quantileBucket(q: number): number {
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (let i = this.lowest; i <= this.highest; i++) {
      seen += this.counts[i] as number;
      if (seen >= rank) return i;
    }
    return 0;
  }

  /** The middle of the bucket that holds the quantile; NaN where there is nothing. */
  quantile(q: number): number {
    return this.total === 0 ? Number.NaN : middleOf(this.quantileBucket(q));
  }

  below(bucket: number): number {
    let sum = 0;
    const end = Math.min(bucket, this.highest + 1);
    for (let i = this.lowest; i < end; i++) sum += this.counts[i] as number;
    return sum;
  }

  above(bucket: number): number {
    let sum = 0;
    for (let i = Math.max(bucket + 1, this.lowest); i <= this.highest; i++) sum += this.counts[i] as number;
    return sum;
  }

  /** Bucket and count in turns, of the buckets that are not empty. */
  state(): number[] {
    const state: number[] = [];
    for (let i = this.lowest; i <= this.highest; i++) {
      const count = this.counts[i] as number;
      if (count !== 0) state.push(i, count);
    }
    return state;
  }

  /** A bucket that there is not is left out. */
  static fromState(state: readonly number[]): FloatHistogram {
    const histogram = new FloatHistogram();
    for (let i = 0; i + 1 < state.length; i += 2) {
      const bucket = state[i] as number;
      if (!(bucket >= 0 && bucket < BUCKETS)) continue;
      histogram.put(bucket, state[i + 1] as number);
    }
    return histogram;
  }

  private put(bucket: number, count: number): void {
    this.counts[bucket]! += count;
    this.total += count;
    if (bucket < this.lowest) this.lowest = bucket;
    if (bucket > this.highest) this.highest = bucket;
  }
}

/** Of a finite x, as quantileBucket gives it. */
export function floatBucket(x: number): number {
  double[0] = x;
  const high = words[HIGH_WORD] as number;
  const size = ((high & 0x7fffffff) >>> (MANTISSA_BITS_IN_HIGH_WORD - PARTS_BITS)) - BASE;
  if (size < 0) return SIDE;
  const place = size < SIDE ? size + 1 : SIDE;
  return high >>> 31 === 1 ? SIDE - place : SIDE + place;
}

function middleOf(bucket: number): number {
  const place = bucket - SIDE;
  if (place === 0) return 0;
  const size = Math.abs(place) - 1;
  const parts = 1 << PARTS_BITS;
  const middle = 2 ** ((size >> PARTS_BITS) + EXPONENT_MIN) * (1 + ((size % parts) + 0.5) / parts);
  return Math.sign(place) * middle;
}
