// What an asymptotic bound of a mean costs where the values are skewed: how often the truth is outside at any look,
// by the first look; and how soon a difference is seen, against the z test that looks once. Then quantiles of
// buckets, which are exact.

import { type Rng, seededRng } from '@millrace/domain';
import { type Bounds, Moments, meanBounds, meanDifference, normalQuantile, quantileBounds } from '@millrace/statistics';

const ALPHA = 0.01;
const FIRST_LOOKS = [100, 300, 1_000] as const;
const VALUES = 10_000;

interface Law {
  name: string;
  mean: number;
  draw(rng: Rng): number;
}

const LAWS: readonly Law[] = [
  { name: 'normal', mean: 0, draw: (rng) => rng.normal() },
  { name: 'exponential', mean: 1, draw: (rng) => -Math.log(1 - rng.next()) },
  { name: 'log-normal, sigma 1 (latencies)', mean: Math.exp(0.5), draw: (rng) => Math.exp(rng.normal()) },
  { name: 'log-normal, sigma 2', mean: Math.exp(2), draw: (rng) => Math.exp(2 * rng.normal()) },
  { name: '1 with probability 5 %, else 0', mean: 0.05, draw: (rng) => (rng.next() < 0.05 ? 1 : 0) },
  { name: '1 with probability 1 %, else 0', mean: 0.01, draw: (rng) => (rng.next() < 0.01 ? 1 : 0) },
];

const outside = ({ lower, upper }: Bounds, truth: number) => lower > truth || upper < truth;

/** Whether the truth was ever outside, by first look. */
function errors(seeds: number, look: (rng: Rng) => () => { count: number; wrong: boolean }, values: number) {
  const wrongOf = FIRST_LOOKS.map(() => 0);
  for (let seed = 0; seed < seeds; seed++) {
    const next = look(seededRng(seed));
    let last = 0;
    for (let i = 0; i < values; i++) {
      const { count, wrong } = next();
      if (wrong) last = count;
    }
    for (const [i, from] of FIRST_LOOKS.entries()) if (last >= from) wrongOf[i]! += 1;
  }
  return Object.fromEntries(FIRST_LOOKS.map((from, i) => [`from ${from} values an arm`, wrongOf[i]! / seeds]));
}

function oneMean({ mean, draw }: Law, seeds: number) {
  return errors(
    seeds,
    (rng) => {
      const moments = new Moments();
      return () => {
        moments.add(draw(rng));
        const { count } = moments;
        return { count, wrong: outside(meanBounds(moments.state(), { alpha: ALPHA, tunedFor: 1_000 }), mean) };
      };
    },
    VALUES,
  );
}

function twoMeans({ draw }: Law, share: number, seeds: number) {
  return errors(
    seeds,
    (rng) => {
      const [first, second] = [new Moments(), new Moments()];
      return () => {
        (rng.next() < share ? second : first).add(draw(rng));
        const bounds = meanDifference(first.state(), second.state(), { alpha: ALPHA, tunedFor: 5_000 });
        return { count: Math.min(first.count, second.count), wrong: outside(bounds, 0) };
      };
    },
    VALUES,
  );
}

/** Values until a paired difference of `effect` standard deviations is seen, of those that one look would take. */
function paired(effect: number, seeds: number) {
  const sum = normalQuantile(1 - ALPHA / 2) + normalQuantile(0.95);
  const fixed = Math.ceil((sum / effect) ** 2);
  const times: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const rng = seededRng(seed);
    const moments = new Moments();
    do moments.add(effect + rng.normal());
    while (meanBounds(moments.state(), { alpha: ALPHA, tunedFor: fixed }).lower <= 0 && moments.count < 3 * fixed);
    times.push(moments.count / fixed);
  }
  times.sort((a, b) => a - b);
  const meanOfFixedSample = Number((times.reduce((all, x) => all + x, 0) / seeds).toPrecision(3));
  return { effect, fixedSample: fixed, meanOfFixedSample, missedWithin3: times.filter((x) => x >= 3).length / seeds };
}

const EDGES = [...Array.from({ length: 60 }, (_, i) => 0.05 * 1.2 ** i), Number.POSITIVE_INFINITY];
const QUANTILE_LOOK = 10;

/** Buckets of latencies, the bounds of whose p99 do not hold it at any of every 10 values. */
function quantile(q: number, seeds: number) {
  const truth = Math.exp(normalQuantile(q));
  let wrong = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const rng = seededRng(seed);
    const cumulative = new Float64Array(EDGES.length);
    let isWrong = false;
    for (let i = 1; i <= 3_000 && !isWrong; i++) {
      const value = Math.exp(rng.normal());
      for (let edge = EDGES.length - 1; edge >= 0 && value <= EDGES[edge]!; edge--) cumulative[edge]! += 1;
      if (i % QUANTILE_LOOK === 0) isWrong = outside(quantileBounds(cumulative, EDGES, q, ALPHA), truth);
    }
    if (isWrong) wrong += 1;
  }
  return { q, values: 3_000, seeds, outside: wrong / seeds };
}

export function measureMeans(seeds: number) {
  return {
    alpha: ALPHA,
    seeds,
    values: VALUES,
    oneMeanOutside: LAWS.map((law) => ({ law: law.name, ...oneMean(law, seeds) })),
    differenceOutside: [0.1, 0.5].flatMap((share) =>
      LAWS.map((law) => ({ law: law.name, share, ...twoMeans(law, share, seeds) })),
    ),
    pairedDifferenceSeen: [0.1, 0.2, 0.3].map((effect) => paired(effect, seeds)),
    quantilesOutside: [0.5, 0.99].map((q) => quantile(q, Math.ceil(seeds / 5))),
  };
}
