// Seeded streams with known truth: rows of windows (a day each), the probability with which each label is 1, and what
// happens when. One entry a stream; the seed moves when and how much. Beside them the real ones (real-streams.ts).

import { type Rng, seededRng } from '@millrace/domain';
import { ELECTRICITY, electricity, FLIGHTS, flights } from './real-streams.js';
import { HISTORY, ROWS, type Stream } from './stream.js';

const WINDOWS = HISTORY + 40;
const SEGMENTS = ['a', 'b', 'c'] as const;
/** Intercept, four numbers, two segments, and the two first numbers within the last segment. */
const WIDTH = 9;

/** The world at one time. */
interface World {
  /** Of the columns of a row as it truly is. */
  weights: Float64Array;
  /** Means of the four numbers. */
  means: number[];
}

interface Plan {
  /** What `world` is at a window; it may change it. */
  at(world: World, window: number): void;
  /** What is recorded instead of the first number. */
  recorded?(value: number, window: number): number;
  delay?: number;
  isBadTraining?(window: number): boolean;
}

const WEIGHTS = [-0.6, 1.1, -0.8, 0.5, 0.3, 0.3, -0.3, 0, 0];
const between = (rng: Rng, from: number, to: number) => from + (to - from) * rng.next();
/** A window in the middle of the run. */
const someWindow = (rng: Rng, from = 8, to = 25) => HISTORY + Math.floor(between(rng, from, to));
const PERIOD = 14;

/** The two strongest weights change places and one its sign, by `share`. */
function turned(weights: Float64Array, share: number): void {
  const [, first = 0, second = 0, third = 0] = WEIGHTS;
  weights[1] = first + share * (second - first);
  weights[2] = second + share * (first - second);
  weights[3] = third - share * 2 * third;
}

const PLANS: Readonly<Record<string, (rng: Rng) => Plan>> = {
  'no change': () => ({ at: () => undefined }),
  // Inputs and base rate come and go; what follows from what stays.
  season(rng) {
    const height = between(rng, 0.3, 0.8);
    return {
      at(world, window) {
        const phase = Math.sin((2 * Math.PI * window) / PERIOD);
        world.means[0] = height * phase;
        world.means[3] = height * phase;
      },
    };
  },
  sudden(rng) {
    const from = someWindow(rng);
    const share = between(rng, 0.4, 0.9);
    return {
      at(world, window) {
        if (window < from) return;
        turned(world.weights, share);
        world.means[1] = 0.6;
      },
    };
  },
  gradual(rng) {
    const from = someWindow(rng, 3, 10);
    const over = between(rng, 18, 32);
    const share = between(rng, 0.6, 1);
    return {
      at(world, window) {
        const done = Math.min(1, Math.max(0, (window - from) / over));
        turned(world.weights, share * done);
        world.means[2] = 0.8 * done;
      },
    };
  },
  recurring(rng) {
    const every = Math.floor(between(rng, 8, 14));
    const share = between(rng, 0.5, 0.9);
    return {
      at(world, window) {
        if (Math.floor((window - HISTORY) / every) % 2 === 1) turned(world.weights, share);
      },
    };
  },
  'a slice only'(rng) {
    const from = someWindow(rng);
    const share = between(rng, 0.7, 1.2);
    return {
      at(world, window) {
        if (window < from) return;
        world.weights[7] = -share * 2;
        world.weights[8] = share * 1.5;
      },
    };
  },
  'label shift'(rng) {
    const from = someWindow(rng);
    const by = between(rng, 0.7, 1.3) * (rng.next() < 0.5 ? -1 : 1);
    return {
      at(world, window) {
        if (window >= from) world.weights[0] = (WEIGHTS[0] as number) + by;
      },
    };
  },
  'concept shift'(rng) {
    const from = someWindow(rng);
    const share = between(rng, 0.4, 1);
    return {
      at(world, window) {
        if (window >= from) turned(world.weights, share);
      },
    };
  },
  // A unit that is wrong for some days, in what is recorded and served.
  'an upstream bug'(rng) {
    const from = someWindow(rng);
    const to = from + Math.floor(between(rng, 5, 12));
    const factor = between(rng, 2.5, 5);
    return {
      at: () => undefined,
      recorded: (value, window) => (window >= from && window < to ? factor * value : value),
    };
  },
  // Change like the gradual one, and every third training goes wrong.
  'a bad candidate'(rng) {
    const from = someWindow(rng);
    const share = between(rng, 0.4, 0.9);
    const bad = new Set<number>();
    for (let window = HISTORY; window < WINDOWS; window++) if (rng.next() < 1 / 3) bad.add(window);
    return {
      at(world, window) {
        turned(world.weights, window < from ? 0 : share);
      },
      isBadTraining: (window) => bad.has(window),
    };
  },
  'late labels'(rng) {
    const from = someWindow(rng);
    const share = between(rng, 0.4, 0.9);
    return {
      delay: 5,
      at(world, window) {
        if (window < from) return;
        turned(world.weights, share);
        world.means[1] = 0.6;
      },
    };
  },
  'a storm that passes'(rng) {
    const from = someWindow(rng);
    const to = from + Math.floor(between(rng, 2, 5));
    const share = between(rng, 0.5, 1);
    return {
      at(world, window) {
        if (window < from || window >= to) return;
        turned(world.weights, share);
        world.means[0] = 1;
      },
    };
  },
};

const REAL: Readonly<Record<string, (rng: Rng) => Stream>> = { [FLIGHTS]: flights, [ELECTRICITY]: electricity };

export const STREAM_NAMES: readonly string[] = [...Object.keys(PLANS), ...Object.keys(REAL)];

export function streamNamed(name: string, seed: number): Stream {
  // Of its own for each stream: a stream more changes none of the others.
  const rng = seededRng(1_000 * seed + STREAM_NAMES.indexOf(name));
  const real = REAL[name];
  if (real !== undefined) return real(rng);
  const plan = PLANS[name]?.(rng);
  if (plan === undefined) throw new Error(`no stream '${name}'; there are ${STREAM_NAMES.join(', ')}`);
  return generated(name, plan, rng);
}

function generated(name: string, plan: Plan, rng: Rng): Stream {
  const count = WINDOWS * ROWS;
  const x = new Float64Array(count * WIDTH);
  const truth = new Float64Array(count);
  const y = new Uint8Array(count);
  const of = new Uint8Array(count);
  for (let window = 0, row = 0; window < WINDOWS; window++) {
    const world: World = { weights: Float64Array.from(WEIGHTS), means: [0, 0, 0, 0] };
    plan.at(world, window);
    for (let i = 0; i < ROWS; i++, row++) {
      const segment = rng.below(SEGMENTS.length);
      of[row] = segment;
      const from = row * WIDTH;
      for (let j = 0; j < 4; j++) x[from + 1 + j] = (world.means[j] as number) + rng.normal();
      complete(x, from, segment);
      let score = 0;
      for (let j = 0; j < WIDTH; j++) score += (x[from + j] as number) * (world.weights[j] as number);
      truth[row] = 1 / (1 + Math.exp(-score));
      y[row] = rng.next() < (truth[row] as number) ? 1 : 0;
      if (plan.recorded === undefined) continue;
      x[from + 1] = plan.recorded(x[from + 1] as number, window);
      complete(x, from, segment);
    }
  }
  const badTrainings = new Set(Array.from({ length: WINDOWS }, (_, i) => i).filter((i) => plan.isBadTraining?.(i)));
  return {
    ...{ name, windows: WINDOWS, rows: ROWS, width: WIDTH, x, y, truth, badTrainings, delay: plan.delay ?? 0 },
    watched: [1, 2, 3, 4].map((column) => ({ name: `x${column}`, column })),
    segments: { names: SEGMENTS, of },
  };
}

/** The columns of a row that follow from its four numbers and its segment. */
function complete(x: Float64Array, from: number, segment: number): void {
  const isLast = segment === 2 ? 1 : 0;
  x[from] = 1;
  x[from + 5] = segment === 1 ? 1 : 0;
  x[from + 6] = isLast;
  x[from + 7] = isLast * (x[from + 1] as number);
  x[from + 8] = isLast * (x[from + 2] as number);
}
