// The real streams: the flights of the example, and electricity prices. The truth is the label itself, and every
// window's rows are drawn from its own with replacement: the seed says which.
//
// electricity.csv.gz holds "Elec2" (M. Harries, Splice-2 comparative evaluation: electricity pricing, University of
// New South Wales, 1999; publicly available, also as data set 151 of OpenML): the market of New South Wales from May
// 1996 to December 1998, half an hour a row: 45,312 rows in their order, values in ten-thousandths, without the dates
// and the half-hour of the day, which follows from the row's number. The class: whether the price is above its mean of
// 24 hours. Victoria's columns stand still for the first 17,424 rows, until its market is counted.

import { readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { assert, type Rng } from '@millrace/domain';
import { ROWS, type Stream } from './stream.js';

export const FLIGHTS = 'flights (real)';
export const ELECTRICITY = 'electricity (real)';

interface Flight {
  date: string;
  delay: number;
  distance: number;
  origin: string;
}

let allKept: readonly Flight[] | undefined;

/** In the order of time, as the example's package brings them: three months of 2001. */
function allFlights(): readonly Flight[] {
  if (allKept === undefined) {
    const file = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data/flights-20k.json');
    const read = JSON.parse(readFileSync(file, 'utf8')) as Flight[];
    allKept = read.sort((a, b) => Date.parse(a.date) - Date.parse(b.date));
  }
  return allKept;
}

const ORIGINS = 8;
/** An hour of the day and kilometres on the scale of the learner's ridge. */
const HOUR = { middle: 13, scale: 5 };
const DISTANCE = { middle: 700, scale: 500 };
const LATE_MINUTES = 15;

export function flights(rng: Rng): Stream {
  const all = allFlights();
  const windows = Math.floor(all.length / ROWS);
  const counts = new Map<string, number>();
  for (const { origin } of all) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const largest = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, ORIGINS);
  const names = [...largest.map(([origin]) => origin), 'other'];
  const width = 6 + ORIGINS;
  const x = new Float64Array(windows * ROWS * width);
  const y = new Uint8Array(windows * ROWS);
  const truth = new Float64Array(windows * ROWS);
  const of = new Uint8Array(windows * ROWS);
  for (let row = 0; row < windows * ROWS; row++) {
    const window = Math.floor(row / ROWS);
    const { date, delay, distance, origin } = all[window * ROWS + rng.below(ROWS)] as Flight;
    const at = new Date(Date.parse(`${date.replaceAll('/', '-').replace(' ', 'T')}Z`));
    const hour = (at.getUTCHours() + at.getUTCMinutes() / 60 - HOUR.middle) / HOUR.scale;
    const weekday = (at.getUTCDay() - 3) / 2;
    const far = (distance - DISTANCE.middle) / DISTANCE.scale;
    const known = names.indexOf(origin);
    const segment = known < 0 ? ORIGINS : known;
    of[row] = segment;
    x.set([1, hour, hour * hour, far, weekday, weekday * weekday], row * width);
    if (segment < ORIGINS) x[row * width + 6 + segment] = 1;
    y[row] = delay > LATE_MINUTES ? 1 : 0;
    truth[row] = y[row] as number;
  }
  return {
    ...{ name: FLIGHTS, windows, rows: ROWS, width, x, y, truth, delay: 0, badTrainings: new Set<number>() },
    watched: [
      { name: 'hour', column: 1 },
      { name: 'distance', column: 3 },
      { name: 'weekday', column: 4 },
    ],
    segments: { names, of },
  };
}

/** Half-hours. */
const A_DAY = 48;
const PARTS = ['night', 'morning', 'afternoon', 'evening'] as const;
/** In ten-thousandths, on the scale of the learner's ridge: about mean and standard deviation of the whole. */
const NUMBERS = [
  { name: 'nswprice', middle: 580, scale: 400 },
  { name: 'nswdemand', middle: 4_250, scale: 1_600 },
  { name: 'vicprice', middle: 35, scale: 100 },
  { name: 'vicdemand', middle: 4_230, scale: 1_200 },
  { name: 'transfer', middle: 5_000, scale: 1_500 },
] as const;
const ELECTRICITY_ROWS = 45_312;

let electricityKept: readonly (readonly number[])[] | undefined;

/** Row by row: the numbers and the class. */
function allElectricity(): readonly (readonly number[])[] {
  if (electricityKept === undefined) {
    const root = dirname(findPackageJSON(import.meta.url) as string);
    const file = join(root, 'bench/loop/electricity.csv.gz');
    const [header = '', ...lines] = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n');
    assert(header === [...NUMBERS.map(({ name }) => name), 'class'].join(), 'the columns that are looked for');
    assert(lines.length === ELECTRICITY_ROWS, 'all of its rows');
    electricityKept = lines.map((line) => line.split(',').map(Number));
  }
  return electricityKept;
}

export function electricity(rng: Rng): Stream {
  const all = allElectricity();
  const windows = Math.floor(all.length / ROWS);
  const hourColumn = 1 + NUMBERS.length;
  const partColumn = hourColumn + 2;
  const width = partColumn + PARTS.length - 1;
  const count = windows * ROWS;
  const x = new Float64Array(count * width);
  const y = new Uint8Array(count);
  const of = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const drawn = Math.floor(row / ROWS) * ROWS + rng.below(ROWS);
    const values = all[drawn] as readonly number[];
    const from = row * width;
    x[from] = 1;
    NUMBERS.forEach(({ middle, scale }, j) => {
      x[from + 1 + j] = ((values[j] as number) - middle) / scale;
    });
    const halfHour = drawn % A_DAY;
    const hour = (halfHour - A_DAY / 2) / (A_DAY / 4);
    x[from + hourColumn] = hour;
    x[from + hourColumn + 1] = hour * hour;
    const part = Math.floor(halfHour / (A_DAY / PARTS.length));
    of[row] = part;
    if (part > 0) x[from + partColumn + part - 1] = 1;
    y[row] = values[NUMBERS.length] as number;
  }
  const truth = Float64Array.from(y);
  return {
    ...{ name: ELECTRICITY, windows, rows: ROWS, width, x, y, truth, delay: 0, badTrainings: new Set<number>() },
    watched: NUMBERS.map(({ name }, j) => ({ name, column: 1 + j })),
    segments: { names: PARTS, of },
  };
}
