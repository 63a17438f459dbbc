// Fits a logistic regression to the end: L2 of strength 1 on every weight but the bias, numbers standardised inside, as
// scikit-learn's LogisticRegression (C = 1) does behind a StandardScaler and a OneHotEncoder.
//
//   f(w, b) = sum_i log loss(y_i, b + w . x_i) + |w|^2 / 2
//
// Minimised by L-BFGS (Nocedal and Wright, algorithm 7.4, MEMORY pairs) whose first metric is the diagonal of the
// Hessian at the base rate, so that rare values and frequent ones converge alike; step halving until f falls enough.
// Ends where the expected fall of the mean log loss is below TOLERANCE. Cost: O(rows x columns) an iteration, some 10
// to 60 of them; memory: 2 MEMORY vectors of the network's size. A column without spread keeps weight 0.

import { sigmoid } from './forward.js';
import { logit } from './initial.js';
import { isDeep, type Network } from './network.js';

const MEMORY = 10;
/** Ten thousandth of what a table shows of a log loss. */
const TOLERANCE = 1e-8;
/** Never reached by the tables of golden/ (60 at most); a bound for what is odd. */
const ITERATIONS_MAX = 500;
const HALVINGS_MAX = 30;
/** Share of the expected fall that counts as enough (Armijo). */
const ENOUGH = 1e-4;

export interface EncodedLabels {
  /** Row-major, network.inputWidth values each. */
  encoded: Float32Array;
  labels: Float32Array;
}

/** `breathe` is called once an iteration. Returns the network's flat weights. */
export async function fitLogistic(
  network: Network,
  rows: EncodedLabels,
  breathe: () => Promise<void>,
): Promise<Float32Array> {
  if (isDeep(network)) throw new Error('a network with hidden layers is no logistic regression');
  const problem = new Problem(network, rows);
  let point = problem.at(problem.start());
  const pairs: Pair[] = [];
  for (let iteration = 0; iteration < ITERATIONS_MAX; iteration++) {
    await breathe();
    const direction = descent(point.gradient, pairs, problem.metric);
    const slope = dot(direction, point.gradient);
    if (!(slope < -TOLERANCE * rows.labels.length)) break;
    const next = problem.search(point, direction, slope);
    if (next === null) break;
    remember(pairs, point, next);
    point = next;
  }
  return problem.weights(point.w);
}

interface Point {
  w: Float64Array;
  value: number;
  gradient: Float64Array;
}

interface Pair {
  s: Float64Array;
  y: Float64Array;
  sy: number;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function addScaled(to: Float64Array, factor: number, from: Float64Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + factor * (from[i] as number);
}

/** -H g, H from the pairs over the inverse of `metric`. */
function descent(gradient: Float64Array, pairs: readonly Pair[], metric: Float64Array): Float64Array {
  const q = gradient.slice();
  const alphas: number[] = [];
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y, sy } = pairs[i] as Pair;
    alphas[i] = dot(s, q) / sy;
    addScaled(q, -(alphas[i] as number), y);
  }
  const newest = pairs.at(-1);
  let factor = 1;
  if (newest !== undefined) {
    let length = 0;
    for (let i = 0; i < q.length; i++) length += (newest.y[i] as number) ** 2 / (metric[i] as number);
    factor = newest.sy / length;
  }
  for (let i = 0; i < q.length; i++) q[i] = (factor * (q[i] as number)) / (metric[i] as number);
  pairs.forEach(({ s, y, sy }, i) => {
    addScaled(q, (alphas[i] as number) - dot(y, q) / sy, s);
  });
  for (let i = 0; i < q.length; i++) q[i] = -(q[i] as number);
  return q;
}

function remember(pairs: Pair[], from: Point, to: Point): void {
  const s = to.w.slice();
  addScaled(s, -1, from.w);
  const y = to.gradient.slice();
  addScaled(y, -1, from.gradient);
  const sy = dot(s, y);
  // f is strictly convex, so that only rounding makes this no positive number.
  if (!(sy > 0)) return;
  pairs.push({ s, y, sy });
  if (pairs.length > MEMORY) pairs.shift();
}

/** The regression in standardised terms: w = [wide ..., numbers ..., bias]. */
class Problem {
  readonly metric: Float64Array;
  private readonly wideRows: number;
  private readonly bias: number;
  private readonly means: Float64Array;
  /** 1 / deviation of each number; 0 where it has none. */
  private readonly scales: Float64Array;
  private readonly share: number;
  /** Of each looked-up column: where it stands in a row, and its first weight. */
  private readonly places: Int32Array;
  private readonly offsets: Int32Array;

  constructor(
    private readonly network: Network,
    private readonly rows: EncodedLabels,
  ) {
    this.wideRows = network.wide.rows;
    this.bias = this.wideRows + network.numeric.length;
    this.places = Int32Array.from(network.wide.columns, ({ at }) => at);
    this.offsets = Int32Array.from(network.wide.columns, ({ offset }) => offset);
    const { encoded, labels } = rows;
    const { inputWidth: width, numeric } = network;
    const n = labels.length;
    this.share = labels.reduce((sum, y) => sum + y, 0) / n;
    this.means = Float64Array.from(numeric, (at) => {
      let sum = 0;
      for (let i = at; i < encoded.length; i += width) sum += encoded[i] as number;
      return sum / n;
    });
    this.scales = Float64Array.from(numeric, (at, k) => {
      let squares = 0;
      for (let i = at; i < encoded.length; i += width)
        squares += ((encoded[i] as number) - (this.means[k] as number)) ** 2;
      return squares > 0 ? 1 / Math.sqrt(squares / n) : 0;
    });
    const curvature = Math.max(this.share * (1 - this.share), 1 / n);
    // A standardised number's squares sum to n, a value's to its count.
    this.metric = new Float64Array(this.bias + 1).fill(1 + curvature * n);
    this.metric.fill(1, 0, this.wideRows);
    for (const { at, offset } of network.wide.columns) {
      for (let i = at; i < encoded.length; i += width) {
        const j = offset + (encoded[i] as number);
        this.metric[j] = (this.metric[j] as number) + curvature;
      }
    }
    this.metric[this.bias] = curvature * n;
  }

  start(): Float64Array {
    const w = new Float64Array(this.bias + 1);
    w[this.bias] = logit(this.share);
    return w;
  }

  /** Value and gradient at `w`. */
  at(w: Float64Array): Point {
    const { encoded, labels } = this.rows;
    const { inputWidth: width, numeric } = this.network;
    const { places, offsets } = this;
    const { linear, bias } = this.encodedTerms(w);
    const gradient = new Float64Array(w.length);
    const ofNumbers = new Float64Array(numeric.length);
    let value = 0;
    let residuals = 0;
    for (let i = 0; i < labels.length; i++) {
      const row = i * width;
      let z = bias;
      for (let c = 0; c < places.length; c++)
        z += w[(offsets[c] as number) + (encoded[row + (places[c] as number)] as number)] as number;
      for (let k = 0; k < numeric.length; k++)
        z += (linear[k] as number) * (encoded[row + (numeric[k] as number)] as number);
      const y = labels[i] as number;
      // softplus(z) - y z, without overflow.
      value += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - y * z;
      const residual = sigmoid(z) - y;
      residuals += residual;
      for (let c = 0; c < places.length; c++) {
        const j = (offsets[c] as number) + (encoded[row + (places[c] as number)] as number);
        gradient[j] = (gradient[j] as number) + residual;
      }
      for (let k = 0; k < numeric.length; k++)
        ofNumbers[k] = (ofNumbers[k] as number) + residual * (encoded[row + (numeric[k] as number)] as number);
    }
    for (let k = 0; k < numeric.length; k++)
      gradient[this.wideRows + k] =
        (this.scales[k] as number) * ((ofNumbers[k] as number) - (this.means[k] as number) * residuals);
    for (let j = 0; j < this.bias; j++) {
      value += (w[j] as number) ** 2 / 2;
      gradient[j] = (gradient[j] as number) + (w[j] as number);
    }
    gradient[this.bias] = residuals;
    return { w, value, gradient };
  }

  /** The first step, halved from 1 on, at which f has fallen enough; null where rounding leaves none. */
  search(from: Point, direction: Float64Array, slope: number): Point | null {
    let step = 1;
    for (let i = 0; i < HALVINGS_MAX; i++, step /= 2) {
      const w = from.w.slice();
      addScaled(w, step, direction);
      const point = this.at(w);
      if (point.value <= from.value + ENOUGH * step * slope) return point;
    }
    return null;
  }

  /** The same for the numbers as they are encoded, in the network's layout. */
  weights(w: Float64Array): Float32Array {
    const { linear, bias } = this.encodedTerms(w);
    const flat = new Float32Array(this.network.size);
    for (const { name, start } of this.network.parameters) {
      if (name === 'wide') flat.set(w.subarray(0, this.wideRows), start);
      else if (name === 'linear') flat.set(linear, start);
      else flat[start] = bias;
    }
    return flat;
  }

  private encodedTerms(w: Float64Array): { linear: Float64Array; bias: number } {
    const linear = this.scales.map((scale, k) => scale * (w[this.wideRows + k] as number));
    return { linear, bias: (w[this.bias] as number) - dot(linear, this.means) };
  }
}
