// Do two arms answer alike? Scores in ten bins, looked at after every request, against the chi-square test of two
// samples that looks once at the number of requests that equal errors take.

import { seededRng } from '@millrace/domain';
import { chiSquareTail, normalQuantile, sameCountsLogE } from '@millrace/statistics';
import { ERRORS } from './shares.js';

const BINS = 10;
const HORIZON = 3;
/** Upper edges of the bins: the deciles of the first arm's scores, which are normal. */
const EDGES = Array.from({ length: BINS - 1 }, (_, i) => normalQuantile((i + 1) / BINS));

function binOf(value: number): number {
  let bin = 0;
  while (bin < EDGES.length && value > EDGES[bin]!) bin += 1;
  return bin;
}

/** One byte a request: the bin, and BINS more for the second arm. */
function streamOf(seed: number, requests: number, share: number, shift: number): Uint8Array {
  const rng = seededRng(seed);
  return Uint8Array.from({ length: requests }, () => {
    const second = rng.next() < share;
    return binOf(rng.normal() + (second ? shift : 0)) + (second ? BINS : 0);
  });
}

function chiSquareRefuses(stream: Uint8Array, requests: number): boolean {
  const counts = new Float64Array(2 * BINS);
  for (let i = 0; i < requests; i++) counts[stream[i]!]! += 1;
  const second = counts.subarray(BINS).reduce((a, b) => a + b, 0) / requests;
  let chi2 = 0;
  for (let bin = 0; bin < BINS; bin++) {
    const all = counts[bin]! + counts[bin + BINS]!;
    if (all === 0) continue;
    chi2 +=
      (counts[bin]! - all * (1 - second)) ** 2 / (all * (1 - second)) +
      (counts[bin + BINS]! - all * second) ** 2 / (all * second);
  }
  return chiSquareTail(chi2, BINS - 1) <= ERRORS.abort;
}

function seenAfter(stream: Uint8Array, share: number | undefined): number {
  const [first, second] = [new Float64Array(BINS), new Float64Array(BINS)];
  for (const [i, code] of stream.entries()) {
    if (code >= BINS) second[code - BINS]! += 1;
    else first[code]! += 1;
    if (sameCountsLogE(first, second, share) >= -Math.log(ERRORS.abort)) return i + 1;
  }
  return Number.POSITIVE_INFINITY;
}

export function measureCounts(seeds: number) {
  return [
    { share: 0.5, shift: 0.5 },
    { share: 0.1, shift: 0.5 },
  ].map(({ share, shift }) => {
    const start = Math.round(20 / (share * (1 - share) * shift ** 2));
    const streams = (salt: number, by: number) =>
      Array.from({ length: seeds }, (_, seed) => streamOf(2 * seed + salt, HORIZON * start, share, by));
    const [bad, healthy] = [streams(1, shift), streams(2, 0)];
    let fixed = start / 2;
    const seen = (n: number) => bad.filter((stream) => chiSquareRefuses(stream, n)).length / seeds;
    while (fixed < HORIZON * start && seen(Math.round(fixed)) < 1 - ERRORS.miss) fixed *= 1.05;
    return {
      bins: BINS,
      share,
      shift: `${shift} standard deviations`,
      seeds,
      requestsOfFixedSample: Math.round(fixed),
      sequential: [share, undefined].map((planned) => {
        const times = bad.map((stream) => Math.min(seenAfter(stream, planned), stream.length) / fixed);
        return {
          share: planned === undefined ? "the counts' own" : 'as planned',
          healthyAborted: healthy.filter((stream) => Number.isFinite(seenAfter(stream, planned))).length / seeds,
          badMissed: times.filter((time) => time * fixed >= HORIZON * start).length / seeds,
          meanOfFixedSample: Number((times.reduce((a, b) => a + b, 0) / seeds).toPrecision(3)),
        };
      }),
    };
  });
}
