import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { type ComparisonPorts, type ComparisonRequest, compareOnRows, openOpponents } from './live-comparison.js';

const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const LOANS = parsed.project;

/** Labels by a probability that is kept as the column `p`; version v answers with it, drawn to one half by BLUR. */
const BLUR: Readonly<Record<number, number>> = { 1: 0.6, 2: 0.1 };

function ports(count: number, labelRule = '') {
  const asked: (number | null)[] = [];
  const rng = seededRng(5);
  const p = Array.from({ length: count }, () => rng.next());
  const made: ComparisonPorts = {
    rows: {
      versions: (_, ids) => ids.map((id) => ({ id, kind: 'live', source: '', labelRule })),
      read: async (_project, _versions, _columns, hashSeed) => {
        asked.push(hashSeed);
        return {
          columns: { p },
          labels: Float32Array.from(p, (of) => (rng.next() < of ? 1 : 0)),
          eventTimeMs: Float64Array.from(p, (_, i) => i),
          idHashes: hashSeed === null ? null : Uint32Array.from(p, () => rng.below(2 ** 32)),
          rows: count,
          leftOut: { withoutLabel: 0, repeats: 0 },
          warnings: [],
        };
      },
    },
    models: {
      opponent: async (_, version) => ({
        ...{ version, labelRule, inputs: [] },
        score: async ({ columns }) =>
          Float32Array.from(columns.p as number[], (of) => of + (0.5 - of) * (BLUR[version] ?? 0)),
      }),
    },
    turn: async () => undefined,
  };
  return { made, asked };
}

const compare = (of: ReturnType<typeof ports>, over: Partial<ComparisonRequest> = {}) =>
  openOpponents(LOANS, { version: 2, against: 1, ...over }, of.made.models).then((opponents) =>
    compareOnRows(LOANS, { datasetVersion: 'd', share: 1, ...over }, opponents, of.made),
  );

describe('a comparison of two versions on a dataset version', () => {
  it('says by how much the one is better, by the deciding metric and on the same rows', async () => {
    const found = await compare(ports(4_000));
    expect(found.rows).toBe(4_000);
    expect(found.version).toBeLessThan(found.against);
    expect(found.blocks.count).toBe(62);
    expect(found.blocks.mean).toBeCloseTo(found.against - found.version, 2);
    const back = await compare(ports(4_000), { version: 1, against: 2 });
    expect(back.blocks.mean).toBeCloseTo(-found.blocks.mean, 10);
  });

  it('asks both for the share of rows that the project says, by their ids', async () => {
    const of = ports(4_000);
    const found = await compare(of, { share: 0.25 });
    expect(Math.abs(found.rows - 1_000)).toBeLessThan(100);
    expect(of.asked).toEqual([expect.any(Number)]);
    const whole = ports(100);
    await compare(whole);
    expect(whole.asked).toEqual([null]);
  });

  it('is refused where a version answers another question than the project asks now', async () => {
    await expect(compare(ports(100, 'delay gt 20'))).rejects.toMatchObject({
      code: 'invalid_argument',
      retry: 'never',
    });
  });

  it('takes the newest rows of a large dataset version', async () => {
    const of = ports(60_000);
    expect((await compare(of)).rows).toBe(50_000);
  });

  it('says nothing of no rows', async () => {
    expect(await compare(ports(0))).toMatchObject({ rows: 0, version: Number.NaN, blocks: { count: 0 } });
  });
});
