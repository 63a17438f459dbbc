import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { type Backtest, type BacktestPorts, type BacktestRequest, runBacktest } from './backtest.js';
import type { ReadRows } from './load.js';
import type { SplitRule } from './split.js';

const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const LOANS = parsed.project;
const HOUR_MS = 3_600_000;
const RULE = '';

/** Labels by a probability that is kept as the column `p`; a row an hour. */
function rowsOf(count: number): ReadRows {
  const rng = seededRng(5);
  const p = Array.from({ length: count }, () => rng.next());
  return {
    columns: { p },
    labels: Float32Array.from(p, (of) => (rng.next() < of ? 1 : 0)),
    eventTimeMs: Float64Array.from(p, (_, i) => i * HOUR_MS),
    idHashes: Uint32Array.from(p, () => rng.below(2 ** 32)),
    rows: count,
    leftOut: { withoutLabel: 0, repeats: 0 },
    warnings: [],
  };
}

/** By version: how far its answers are from the truth, towards one half. */
const BLUR: Readonly<Record<number, number>> = { 1: 0.6, 2: 0.1, 3: 0.1001 };

const BY_ID = { by: 'record id' as const, seed: LOANS.training.seed };
const SPLITS: Readonly<Record<number, SplitRule | undefined>> = {
  1: { ...BY_ID, evaluationShare: LOANS.evaluation.share },
  2: { ...BY_ID, evaluationShare: 0.1 },
  4: { by: 'event time', evaluateFromMs: 0, evaluationShare: 0.2 },
};

function ports(count: number, unseen: Readonly<Record<number, number | undefined>> = {}): BacktestPorts {
  return {
    rows: {
      versions: (_, ids) => ids.map((id) => ({ id, kind: 'import', source: 'file', labelRule: RULE })),
      read: async () => rowsOf(count),
    },
    models: {
      opponent: async (_, version) => ({
        ...{ version, labelRule: RULE, inputs: [] },
        score: async ({ columns }) =>
          Float32Array.from(columns.p as number[], (of) => of + (0.5 - of) * (BLUR[version] ?? 0)),
      }),
    },
    learned: {
      splitOf: async (version) => SPLITS[version],
      unseenFromMs: (version) => unseen[version],
    },
    turn: async () => undefined,
  };
}

const ask = (request: Partial<BacktestRequest>, of: BacktestPorts, project = LOANS) =>
  runBacktest(project, { version: 2, against: 1, datasetVersions: ['d'], ...request }, of);

describe('a backtest', () => {
  it('says which version is the better one, with the interval of the difference, whichever is asked for', async () => {
    const found = await ask({}, ports(4_000));
    const logLoss = found.metrics.find(({ name }) => name === 'log_loss');
    expect(logLoss?.version).toBeLessThan(logLoss?.against as number);
    expect(logLoss?.difference).toBeCloseTo((logLoss?.version as number) - (logLoss?.against as number), 12);
    expect(logLoss?.lower).toBeLessThan(logLoss?.difference as number);
    expect(logLoss?.upper).toBeGreaterThan(logLoss?.difference as number);
    expect(logLoss?.upper).toBeLessThan(0);
    expect(found.verdict).toMatch(/^version 2 is the better one: Log loss 0\.\d{4} against 0\.\d{4} on 4000 rows/);
    const turned = await ask({ version: 1, against: 2 }, ports(4_000));
    expect(turned.verdict).toMatch(/^version 2 is the better one/);
    const differences = ({ metrics }: Backtest, sign: number) => metrics.map((one) => 0 + sign * one.difference);
    expect(differences(turned, -1)).toEqual(differences(found, 1));
  });

  it('takes rows of one entity for less than as many of different ones', async () => {
    const of = (entityHashes: ((row: number) => number) | undefined): BacktestPorts => {
      const all = ports(600);
      const read = async () => {
        const rows = rowsOf(600);
        return { ...rows, entityHashes: entityHashes && Float64Array.from(rows.labels, (_, row) => entityHashes(row)) };
      };
      return { ...all, rows: { ...all.rows, read } };
    };
    // What of the rows both find easy is each entity's own: neighbours by the probability are of one.
    const { p } = rowsOf(600).columns as { p: number[] };
    const rank = [...p.keys()].sort((a, b) => (p[a] as number) - (p[b] as number));
    const place = new Map(rank.map((row, at) => [row, Math.floor(at / 40)]));
    const alone = await ask({}, of(undefined));
    const together = await ask(
      {},
      of((row) => place.get(row) as number),
    );
    const width = ({ metrics }: Backtest) => {
      const { lower = 0, upper = 0 } = metrics.find(({ name }) => name === 'log_loss') ?? {};
      return upper - lower;
    };
    expect(width(together)).toBeGreaterThan(1.5 * width(alone));
    expect(together.verdict).toContain('on 600 rows of 15 entities, difference');
    expect(together.metrics.map(({ entities }) => entities)).toEqual(together.metrics.map(() => 15));
    expect(alone.verdict).toContain('on 600 rows, difference');
    // What files say of an entity means nothing to a project that has none.
    const without = { ...LOANS, data: { ...LOANS.data, entity: undefined } };
    expect(
      (
        await ask(
          {},
          of((row) => place.get(row) as number),
          without,
        )
      ).verdict,
    ).toBe(alone.verdict);
  });

  it('sees no difference where there is none, and says which it would have seen', async () => {
    const { verdict } = await ask({ version: 3, against: 2 }, ports(300));
    expect(verdict).toMatch(/^no difference is seen: .*; one of about 0\.\d{4} would be$/);
  });

  it('leaves out rows that either may have learned from, unless they are asked for', async () => {
    const of = ports(1_000, { 1: 100 * HOUR_MS, 2: 600 * HOUR_MS });
    expect(await ask({}, of)).toMatchObject({ rows: 400, fromMs: 600 * HOUR_MS, toMs: 999 * HOUR_MS, warnings: [] });
    expect(await ask({ fromMs: 700 * HOUR_MS, toMs: 800 * HOUR_MS }, of)).toMatchObject({ rows: 100, warnings: [] });
    const seen = await ask({ fromMs: 200 * HOUR_MS }, of);
    expect([seen.rows, seen.warnings]).toEqual([800, [expect.stringContaining('version 2 has learned from')]]);
    const unknown = await ask({}, ports(1_000, { 1: 100 * HOUR_MS }));
    expect(unknown.warnings).toEqual([expect.stringContaining('which rows version 2 has learned from')]);
    await expect(ask({}, ports(1_000, { 2: 5_000 * HOUR_MS }))).rejects.toThrow(/of 1000 labelled rows none is from/);
  });

  it('takes the newest rows where there are more than enough', async () => {
    expect(await ask({}, ports(50_500))).toMatchObject({ rows: 50_000, olderRows: 500 });
  }, 60_000);

  it('without an event time takes the rows that evaluate by their ids', async () => {
    const untimed = { ...LOANS, data: { ...LOANS.data, eventTime: undefined } };
    const found = await ask({}, ports(2_000), untimed);
    // Version 2 has kept a smaller share back, whatever the project says now.
    expect(found.rows / 2_000).toBeGreaterThan(0.08);
    expect(found.rows / 2_000).toBeLessThan(0.12);
    expect([found.fromMs, found.toMs, found.warnings]).toEqual([null, null, []]);
    const elsewhere = await ask({ against: 3 }, ports(2_000), untimed);
    expect(elsewhere.warnings).toEqual([expect.stringContaining('which rows version 3 has learned from')]);
    // It was trained when the project had an event time.
    const byTime = await ask({ version: 4 }, ports(2_000), untimed);
    expect(byTime.warnings).toEqual([expect.stringContaining('which rows version 4 has learned from')]);
    await expect(ask({ fromMs: 1 }, ports(2_000), untimed)).rejects.toThrow('has no event time');
  });

  it('refuses what cannot be compared', async () => {
    await expect(ask({ against: 2 }, ports(100))).rejects.toThrow('compared with itself');
    await expect(ask({}, ports(0))).rejects.toThrow('has a label: send what became of them');
    const of = ports(100);
    const opponent: typeof of.models.opponent = async (_, version) => ({
      ...(await ports(100).models.opponent('loans', version)),
      labelRule: 'another > 5',
    });
    await expect(ask({}, { ...of, models: { opponent } })).rejects.toThrow('it answers another > 5');
  });
});
