// The rates that docs/when-to-retrain.md tells, on a slice of what they were measured on: the gates as they are, on
// draws of public tables.

import { describe, expect, it } from '@jest/globals';
import { type Comparison, metricNamed, seen } from '@millrace/evaluation';
import { type PublicTable, publicTables } from '@millrace/testing';
import { challenge, type Kind } from './blessing-rates.js';

const tables = publicTables();

type Report = Awaited<ReturnType<typeof challenge>>;
const isBlessed = (report: Report) => report.blessed;
const beatsChampion = ({ championComparison }: Report) =>
  seen(metricNamed('log_loss'), championComparison as Comparison) === 'better';

interface Draws {
  rows: number;
  seeds: number;
  more?: object;
}

/** Share of challengers of which it is so, over seeds and the tables in turn. */
async function rate(kind: Kind, { rows, seeds, more = {} }: Draws, isSo: (report: Report) => boolean): Promise<number> {
  let found = 0;
  const large = tables.filter((table) => rows / 5 <= table.rows / 2);
  for (let seed = 0; seed < seeds; seed++)
    found += Number(isSo(await challenge(large[seed % large.length] as PublicTable, kind, rows, seed, more)));
  return found / seeds;
}

describe.each([
  [100, 200],
  [500, 200],
  [2_000, 80],
])('of %d rows, a fifth of which evaluate, against a broken champion', (rows, seeds) => {
  it('no challenger is blessed that has learned from labels that mean nothing', async () => {
    expect(await rate('random labels', { rows, seeds }, isBlessed)).toBe(0);
  });

  it('one that has learned from such labels, and is judged on true ones, is blessed where luck made it better', async () => {
    expect(await rate('taught by random labels', { rows, seeds: seeds / 4 }, isBlessed)).toBeLessThanOrEqual(0.15);
  });
});

it('by AUC too, no challenger of labels that mean nothing is blessed', async () => {
  const draws = { rows: 500, seeds: 200, more: { scope: { metric: 'auc' } } };
  expect(await rate('random labels', draws, isBlessed)).toBe(0);
});

describe.each([200, 1_000])('of %d rows', (rows) => {
  const seeds = 70;

  it('a worse challenger passes for better seldom, one as good about as often as the interval says, better ones often', async () => {
    const [worse, equal] = [
      await rate('worse', { rows, seeds }, beatsChampion),
      await rate('equal', { rows, seeds }, beatsChampion),
    ];
    expect(worse).toBeLessThanOrEqual(0.1);
    expect(equal).toBeLessThanOrEqual(0.25);
    for (const kind of ['better', 'drifted'] as const)
      expect(await rate(kind, { rows, seeds }, beatsChampion)).toBeGreaterThan(1.5 * equal);
  });

  it('by the bare figures every other one that is as good does, and many that are worse', async () => {
    const draws = { rows, seeds, more: { evaluation: { confidence: 0 } } };
    expect(await rate('equal', draws, beatsChampion)).toBeGreaterThan(0.35);
    expect(await rate('worse', draws, beatsChampion)).toBeGreaterThan(0.1);
  });
});
