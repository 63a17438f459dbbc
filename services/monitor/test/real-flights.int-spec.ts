// The example's real data through the detectors with the example's own thresholds: in unshifted windows hour and
// distance ring in at most 5 % of windows, after the declared shift they ring in the first or second window, and origin
// never rings because of it. Offline, over several seeds of rows; the reference is January to mid February, as the
// example trains.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from '@jest/globals';
import { chooseRows, type Project, parseProject } from '@millrace/project';
import { buildReferenceProfile, featureCells, openFeatureWindow } from '@millrace/statistics';
import { cloneRoot } from '@millrace/testing';
import { judgeRows } from '../src/judgement/judge.js';
import { windowStart } from '../src/windows/window.js';

interface Flight {
  timeMs: number;
  distance: number;
  origin: string;
  destination: string;
}

const FILE = join(cloneRoot(), 'node_modules/vega-datasets/data/flights-3m.parquet');
const NAMES = ['hour', 'weekday', 'distance', 'origin', 'destination'] as const;
const KIND = {
  hour: 'categorical',
  weekday: 'categorical',
  distance: 'numeric',
  origin: 'categorical',
  destination: 'categorical',
} as const;

async function flights(from: string, to: string, rows: number, seed: number): Promise<Flight[]> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const file = `read_parquet('${FILE}', file_row_number = true)`;
  const range = await connection.runAndReadAll(
    `SELECT min(file_row_number)::DOUBLE, count(*)::DOUBLE FROM ${file} WHERE date >= $from::TIMESTAMP AND date < $to::TIMESTAMP`,
    { from, to },
  );
  const [first, count] = range.getRows()[0] as [number, number];
  await connection.run('CREATE TABLE chosen (row BIGINT)');
  const appender = await connection.createAppender('chosen');
  for (const row of chooseRows(first, count, rows, seed)) {
    appender.appendBigInt(BigInt(row));
    appender.endRow();
  }
  appender.closeSync();
  const reader = await connection.runAndReadAll(
    `SELECT epoch_ms(date)::DOUBLE, distance::DOUBLE, origin, destination
     FROM ${file} JOIN chosen ON file_row_number = row ORDER BY date, row`,
  );
  const found = (reader.getRows() as [number, number, string, string][]).map(
    ([timeMs, distance, origin, destination]): Flight => ({ timeMs, distance, origin, destination }),
  );
  connection.closeSync();
  return found;
}

function valuesOf(flight: Flight, shifted: boolean) {
  const at = new Date(flight.timeMs);
  return {
    hour: (at.getUTCHours() + (shifted ? 5 : 0)) % 24,
    weekday: at.getUTCDay(),
    distance: flight.distance * (shifted ? 1.6 : 1),
    origin: flight.origin,
    destination: flight.destination,
  };
}

function project(): Project {
  const file = join(cloneRoot(), 'examples/flights/project.yaml');
  const parsed = parseProject(readFileSync(file, 'utf8'), file);
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

type Cells = ReturnType<typeof featureCells>[];

function cellsOf(history: readonly Flight[]): Cells {
  const columns = history.map((flight) => valuesOf(flight, false));
  const profile = buildReferenceProfile({
    features: NAMES.map((name) => ({ name, kind: KIND[name], values: columns.map((row) => row[name]) })),
    scoreName: 'probability',
    scores: columns.map(() => 0.2),
    positiveShare: 0.2,
  });
  return profile.features.map(featureCells);
}

/** Windows in order, each with the features that rang. */
function rings(live: readonly Flight[], cells: Cells, { monitoring }: Project, shiftFromMs: number) {
  const windows = new Map<number, { rows: number; features: ReturnType<typeof openFeatureWindow>[] }>();
  for (const flight of live) {
    const startMs = windowStart(flight.timeMs, monitoring.windowMs);
    const window = windows.get(startMs) ?? { rows: 0, features: cells.map(openFeatureWindow) };
    windows.set(startMs, window);
    window.rows += 1;
    const values = valuesOf(flight, flight.timeMs >= shiftFromMs);
    NAMES.forEach((name, i) => {
      window.features[i]?.add(values[name]);
    });
  }
  return [...windows]
    .sort((a, b) => a[0] - b[0])
    .map(([startMs, { rows, features }]) => {
      const { verdicts } = judgeRows({
        monitoring,
        rows,
        features,
        score: undefined,
        software: undefined,
      });
      const ringing = verdicts.filter((verdict) => verdict.alarming).map((verdict) => verdict.subject);
      return { startMs, endMs: startMs + monitoring.windowMs, ringing };
    });
}

describe('the flights example on real data', () => {
  const flightsProject = project();

  it.each([
    [120_000, 11],
    [120_000, 12],
    [192_000, 13],
  ])(
    '%i rows of March to June, seed %i',
    async (rows, seed) => {
      const history = (await flights('2001-01-01', '2001-03-01', 300_000, seed)).filter(
        (f) => f.timeMs < Date.UTC(2001, 1, 15),
      );
      const cells = cellsOf(history);
      const live = await flights('2001-03-01', '2001-07-01', rows, seed);

      const calm = rings(live, cells, flightsProject, Number.POSITIVE_INFINITY);
      expect(calm.length).toBeGreaterThanOrEqual(40);
      for (const feature of ['hour', 'distance']) {
        const rang = calm.filter((window) => window.ringing.includes(feature)).length;
        expect(rang / calm.length).toBeLessThanOrEqual(0.05);
      }

      const shiftMs = live[Math.floor(rows * 0.6667)]?.timeMs ?? 0;
      const shifted = rings(live, cells, flightsProject, shiftMs).filter((window) => window.endMs > shiftMs);
      for (const feature of ['hour', 'distance']) {
        const first = shifted.findIndex((window) => window.ringing.includes(feature));
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThanOrEqual(1);
      }
      const origin = (windows: typeof calm) =>
        windows.filter((window) => window.ringing.includes('origin')).map((w) => w.startMs);
      expect(origin(shifted)).toEqual(origin(calm.filter((window) => window.endMs > shiftMs)));
    },
    60_000,
  );
});
