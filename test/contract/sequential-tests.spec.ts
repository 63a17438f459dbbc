// The newest result of bench/sequential in bench/results: what it must reach, and docs/sequential-tests.md shows its
// figures and no others.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { cloneRoot } from '@millrace/testing';

/**
 * Healthy candidates aborted, bad ones missed, and requests to a decision, of those of a fixed sample of equal
 * error.
 */
const MAX = { healthyAborted: 0.01, badMissed: 0.05, ofFixedSample: 0.8 };
const STATED = 'shareDifference, effect and usual share stated';

interface Line {
  test: string;
  healthyAborted: number;
  badMissed: number;
  meanOfFixedSample: { bad: number; healthy: number | null };
  badMedian: number;
  badP95: number;
}
interface Result {
  seeds: number;
  shares: { requestsOfFixedSample: { measured: number }; mannWhitney: { ofFixedSample: number }; sequential: Line[] }[];
  steps: { countsTogetherAborted: number; strataAborted: number }[];
  means: { oneMeanOutside: Record<string, number | string>[] };
}

const results = join(cloneRoot(), 'bench/results');
const newest = readdirSync(results)
  .filter((file) => file.endsWith('-sequential.json'))
  .sort()
  .at(-1) as string;
const { seeds, shares, steps, means } = JSON.parse(readFileSync(join(results, newest), 'utf8')) as Result;
const page = readFileSync(join(cloneRoot(), 'docs/sequential-tests.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('|'));

describe('sequential tests', () => {
  it('are measured over 2,000 streams, and the result is named in the document', () => {
    expect(seeds).toBe(2_000);
    expect(page).toContain(`bench/results/${newest}`);
  });

  it.each(shares)(
    'of shares keep their errors, and decide sooner than a fixed sample of $requestsOfFixedSample',
    (share) => {
      const { sequential, mannWhitney, requestsOfFixedSample } = share;
      for (const { healthyAborted, badMissed } of sequential) {
        expect(healthyAborted).toBeLessThanOrEqual(MAX.healthyAborted);
        expect(badMissed).toBeLessThanOrEqual(MAX.badMissed);
      }
      const stated = sequential.find(({ test }) => test === STATED) as Line;
      expect(stated.meanOfFixedSample.bad).toBeLessThanOrEqual(MAX.ofFixedSample);
      expect(stated.meanOfFixedSample.healthy).toBeLessThanOrEqual(MAX.ofFixedSample);
      expect(mannWhitney.ofFixedSample).toBeGreaterThan(1);
      const first = rows.findIndex((row) => row.includes(`| ${requestsOfFixedSample.measured.toLocaleString('en')} |`));
      for (const [i, line] of sequential.entries()) expect(rows[first + i]).toContain(shown(line));
    },
  );

  it('are shown beside their peers and limits', () => {
    const peers = shares.map(({ mannWhitney }) => mannWhitney.ofFixedSample);
    expect(page).toContain(`${Math.min(...peers)} to ${Math.max(...peers)} times the`);
    const moved = steps[1]!;
    const [together, strata] = [moved.countsTogetherAborted, moved.strataAborted];
    expect(page).toContain(`${100 * together} % of healthy candidates were aborted by the sums, ${100 * strata} %`);
    expect(strata).toBeLessThanOrEqual(MAX.healthyAborted);
    for (const { law, ...outside } of means.oneMeanOutside) {
      const row = rows.find((line) => line.startsWith(`| ${law} |`));
      expect(row).toContain(
        Object.values(outside)
          .map((share) => `${(100 * (share as number)).toFixed(1)} %`)
          .join(', '),
      );
    }
  });
});

function shown({ healthyAborted, badMissed, meanOfFixedSample: { bad, healthy }, badMedian, badP95 }: Line): string {
  const errors = `${(100 * healthyAborted).toFixed(2)} % | ${(100 * badMissed).toFixed(1)} %`;
  const times = `${bad.toFixed(2)} (${badMedian.toFixed(2)}, ${badP95.toFixed(2)})`;
  return `| ${errors} | ${times} | ${healthy === null ? '' : healthy.toFixed(2)} |`;
}
