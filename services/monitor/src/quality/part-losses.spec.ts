// Losses of rollouts by label: what counts, once, in whatever order it comes, and across a restart.

import { describe, expect, it } from '@jest/globals';
import { binaryOutputs, type Rng, seededRng } from '@millrace/domain';
import { allLosses, entityBucket, type RolloutDraw, RolloutLosses } from '@millrace/routing';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, restored, saved } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { Engine } from '../windows/engine.js';

const NOW_MS = 70_000;
const DRAW: RolloutDraw = { fromRevision: 9, weight: 20 };

interface Row {
  id: number;
  version: number;
  probability: number;
  value: number;
  draw?: RolloutDraw | undefined;
  role?: 'live' | 'shadow';
}

function stand(): Engine {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(60_000, 3_000));
  return anEngine(metadata);
}

const rowsOf = (count: number, rng: Rng): Row[] =>
  Array.from({ length: count }, (_, id) => {
    const isNew = rng.next() < 0.2;
    return { id, version: isNew ? 2 : 1, probability: rng.next(), value: rng.next() < 0.5 ? 1 : 0, draw: DRAW };
  });

const entityOf = (id: number): string => `e-${id % 7}`;

/** Offsets go on where the partition is. */
function predict(engine: Engine, { id, version, probability, draw, role = 'live' }: Row): void {
  const at = { predictionId: `r${id}/0`, project: 'p', eventTimeMs: 60_000 + id, answeredAtMs: 60_000 + id };
  const entity = entityOf(id);
  const message = aPrediction({
    ...at,
    entity,
    modelVersion: version,
    outputs: binaryOutputs(probability),
    draw,
    role,
  });
  engine.applyPrediction(message, 0, engine.positions.next('predictions', 0), NOW_MS);
}
function label(engine: Engine, { id, value }: Row): void {
  const ids = { project: 'p', predictionId: `r${id}/0`, recordId: '', eventTimeMs: 60_000 + id, knownAtMs: 63_000 };
  engine.applyLabel(aLabel({ ...ids, value }), 0, engine.positions.next('labels', 0), NOW_MS);
}

function lossesOf(engine: Engine): RolloutLosses {
  const { fromRevision, cells, entities } = engine.monitor('p', 0)!.ownPart(0)!.rolloutLosses.state()!;
  const losses = new RolloutLosses(fromRevision);
  losses.addCells(cells);
  losses.addEntities(entities ?? []);
  return losses;
}
const expected = (rows: readonly Row[], version: number) => {
  const losses = rows.filter((row) => row.version === version).map((row) => (row.probability - row.value) ** 2);
  return { count: losses.length, mean: losses.reduce((sum, loss) => sum + loss, 0) / losses.length };
};

describe('losses of a rollout by its labels', () => {
  it('are the squared errors of each version, whether the label came before its prediction or after', () => {
    const engine = stand();
    const rows = rowsOf(400, seededRng(1));
    for (const row of rows.slice(0, 100)) label(engine, row);
    for (const row of rows) predict(engine, row);
    for (const row of rows) label(engine, row);
    for (const version of [1, 2]) {
      const { count, mean } = allLosses(lossesOf(engine).of(version));
      expect({ count, mean }).toEqual({
        count: expected(rows, version).count,
        mean: expect.closeTo(expected(rows, version).mean, 9),
      });
    }
  });

  it('are counted by entity, whose labels are not independent', () => {
    const engine = stand();
    const rows = rowsOf(210, seededRng(5));
    for (const row of rows) predict(engine, row);
    for (const row of rows) label(engine, row);
    for (const version of [1, 2]) {
      const buckets = lossesOf(engine).entitiesOf(version)!;
      const bucketOf = ({ id }: Row) => entityBucket(entityOf(id));
      for (const bucket of new Set(rows.map(bucketOf))) {
        const of = rows.filter((row) => row.version === version && bucketOf(row) === bucket);
        expect(buckets.n[bucket]).toBe(of.length);
        expect(buckets.k[bucket]).toBeCloseTo(of.length * expected(of, version).mean, 9);
      }
    }
  });

  it('count no answer that the route did not draw, no copy, nothing of an older rollout, and nothing twice', () => {
    const engine = stand();
    const [a, ...rest] = rowsOf(7, seededRng(2)) as [Row, ...Row[]];
    predict(engine, a);
    predict(engine, { ...rest[0]!, draw: undefined });
    predict(engine, { ...rest[1]!, role: 'shadow' });
    predict(engine, { ...rest[2]!, draw: { fromRevision: 7, weight: 20 } });
    for (let times = 0; times < 2; times++) for (const row of [a, ...rest.slice(0, 3)]) label(engine, row);
    expect(lossesOf(engine).cells()).toMatchObject([{ version: a.version, weight: 20, count: 1 }]);
    const newer = { ...rest[3]!, draw: { fromRevision: 12, weight: 5 } };
    predict(engine, newer);
    label(engine, newer);
    const after = lossesOf(engine);
    expect([after.fromRevision, after.labelled]).toEqual([12, 1]);
  });

  it('go on after a restart where the checkpoint is, and come to the same', () => {
    const rows = rowsOf(300, seededRng(3));
    const play = (engine: Engine, from: number, to: number) => {
      for (const row of rows.slice(from, to)) predict(engine, row);
      for (const row of rows.slice(from, to)) if (row.id % 3 !== 0) label(engine, row);
    };
    const whole = stand();
    heldBy(whole);
    play(whole, 0, 300);
    for (const row of rows) if (row.id % 3 === 0) label(whole, row);
    const before = stand();
    heldBy(before);
    play(before, 0, 150);
    const checkpoint = saved(before);
    // What this process counts after its checkpoint is lost, and counted again.
    play(before, 150, 220);
    const engine = restored(stand(), checkpoint, NOW_MS);
    play(engine, 150, 300);
    for (const row of rows) if (row.id % 3 === 0) label(engine, row);
    expect(lossesOf(engine).labelled).toBe(300);
    const close = ({ mean, m2, ...rest }: { mean: number; m2: number }) => ({
      ...{ ...rest, mean: mean.toFixed(9), m2: m2.toFixed(9) },
    });
    expect(lossesOf(engine).cells().map(close)).toEqual(lossesOf(whole).cells().map(close));
    const byEntity = (of: Engine) =>
      lossesOf(of)
        .entityLosses()
        .map(({ sums, ...rest }) => ({ ...rest, sums: sums.map((sum) => sum.toFixed(9)) }));
    expect(byEntity(engine)).toEqual(byEntity(whole));
    const labelled = byEntity(engine).flatMap(({ counts }) => counts);
    expect(labelled.reduce((sum, count) => sum + count, 0)).toBe(300);
  });

  it('are told once a label is new, with what they were counted by, and not again', () => {
    const engine = stand();
    const reports = heldBy(engine);
    const rows = rowsOf(20, seededRng(4));
    const told = (nowMs: number) => {
      const news = reports.ofParts(0, nowMs);
      news?.told();
      return news?.losses.map(({ cells, entities: _, ...rest }) => ({
        ...rest,
        n: cells.reduce((sum, { count }) => sum + count, 0),
      }));
    };
    for (const row of rows) predict(engine, row);
    expect(told(1_000)).toEqual([]);
    for (const row of rows) label(engine, row);
    expect(told(3_000)).toEqual([{ project: 'p', createdAtMs: 0, partition: 0, fromRevision: 9, n: 20 }]);
    for (const row of rows) label(engine, row);
    expect(told(5_000)).toEqual([]);
  });
});
