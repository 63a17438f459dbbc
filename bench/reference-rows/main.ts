// How many first rows make a reference: the false alarms of the default drift tests against references of 200 to 5,000
// rows of an unchanged stream, and what they still find of one that changed. Seven public tables that came with Python
// packages (libs/models/golden/tables); a table is the whole world, rows are drawn from it with replacement.
//
//   node tools/setup/build.mjs && node dist/bench/reference-rows/main.js [FILE]
//
// A window rings where any test does, as the monitor judges it (alpha .001 after Holm, all tests of the window). One
// reference meets WINDOWS windows: a bad one rings again and again, so references with any ring are counted, too.
// Changed: the numbers of one column half a standard deviation up; one row in five takes one column's rarest value.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { argv, stdout, version } from 'node:process';
import { type Rng, seededRng } from '@millrace/domain';
import { ALPHA, type Examined, optionsOf, runTests, SUBJECTS } from '@millrace/drift';
import {
  buildReferenceProfile,
  type CategoricalWindow,
  featureCells,
  type NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';
import { publicTables, rowsOfTable } from '@millrace/testing';

const SEED = 11;
const REFERENCE_ROWS = [200, 500, 1_000, 2_000, 5_000] as const;
/** The least that is tested by default, and four times that. */
const WINDOW_ROWS = [500, 2_000] as const;
const REFERENCES = 30;
const WINDOWS = 10;

type Value = number | string | null;
interface Column {
  name: string;
  kind: 'numeric' | 'categorical';
  values: readonly Value[];
}
interface World {
  name: string;
  rows: number;
  columns: readonly Column[];
}
/** What becomes of a value; undefined: nothing. */
type Change = { column: string; of(value: Value, rng: Rng): Value } | undefined;

const OPTIONS = { input: defaults('input'), output: defaults('output') };

function defaults(group: 'input' | 'output'): Record<string, number> {
  return Object.fromEntries(Object.entries(optionsOf(group)).map(([key, option]) => [key, option.default]));
}

function worlds(): World[] {
  return publicTables().map((table) => {
    const { columns } = rowsOfTable(table);
    const kind = (name: string) => (table.labels.includes(name) ? ('categorical' as const) : ('numeric' as const));
    return {
      name: table.name,
      rows: table.rows,
      columns: Object.entries(columns).map(([name, values]) => ({ name, kind: kind(name), values })),
    };
  });
}

/** Some number of a row between 0 and 1 that all columns move, as a model's score is: which, does not matter here. */
function scoreOf(row: readonly Value[]): number {
  let sum = 0;
  for (const [i, value] of row.entries()) {
    const number = typeof value === 'number' ? Math.atan(value) : value === null ? 0 : value.length % 3;
    sum += (i % 2 === 0 ? 1 : -1) * number;
  }
  return 1 / (1 + Math.exp(-sum));
}

function rowsFrom({ rows, columns }: World, count: number, rng: Rng, change: Change): Value[][] {
  return Array.from({ length: count }, () => {
    const at = rng.below(rows);
    return columns.map(({ name, values }) => {
      const value = values[at] as Value;
      return change?.column === name ? change.of(value, rng) : value;
    });
  });
}

function profileOf(world: World, rows: readonly (readonly Value[])[]) {
  return buildReferenceProfile({
    features: world.columns.map(({ name, kind }, i) => ({ name, kind, values: rows.map((row) => row[i] as Value) })),
    scoreName: 'probability',
    scores: rows.map(scoreOf),
    positiveShare: Number.NaN,
  });
}

/** A subject a test that rings. */
function ringing(profile: ReturnType<typeof profileOf>, rows: readonly (readonly Value[])[]): string[] {
  const features = profile.features.map((feature) => openFeatureWindow(featureCells(feature)));
  const score = openFeatureWindow(featureCells(profile.score)) as NumericWindow;
  for (const row of rows) {
    for (const [i, feature] of features.entries()) (feature as NumericWindow).add(row[i] as number);
    score.add(scoreOf(row));
  }
  const subjects: Examined[] = features.map((counts) => ({
    name: counts.name,
    rows: rows.length,
    sample:
      counts.kind === 'numeric'
        ? { subject: 'numeric', counts: counts as NumericWindow }
        : { subject: 'categorical', counts: counts as CategoricalWindow },
    options: OPTIONS.input,
  }));
  subjects.push({
    name: SUBJECTS.score.name,
    rows: rows.length,
    sample: { subject: 'score', counts: score },
    options: OPTIONS.output,
  });
  return runTests(subjects, ALPHA.default).flatMap(({ alarm, feature }) => (alarm ? [feature] : []));
}

/** Half a standard deviation up, the first numeric column that moves; the rarest value for one row in five. */
function changesOf({ columns }: World): { what: 'numbers' | 'categories'; change: NonNullable<Change> }[] {
  const numeric = columns.find(({ kind, values }) => kind === 'numeric' && new Set(values).size > 10);
  const categorical = columns.find(({ kind, values }) => kind === 'categorical' && new Set(values).size > 1);
  const changes: ReturnType<typeof changesOf> = [];
  if (numeric !== undefined) {
    const numbers = numeric.values.filter((value): value is number => typeof value === 'number');
    const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
    const std = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length);
    const of = (value: Value) => (typeof value === 'number' ? value + std / 2 : value);
    changes.push({ what: 'numbers', change: { column: numeric.name, of } });
  }
  if (categorical !== undefined) {
    const tally = new Map<Value, number>();
    for (const value of categorical.values) tally.set(value, (tally.get(value) ?? 0) + 1);
    const [rarest] = [...tally].filter(([value]) => value !== null).sort((a, b) => a[1] - b[1])[0] ?? [null];
    const of = (value: Value, rng: Rng) => (rng.below(5) === 0 ? rarest : value);
    changes.push({ what: 'categories', change: { column: categorical.name, of } });
  }
  return changes;
}

function measure(world: World, referenceRows: number, windowRows: number) {
  const rng = seededRng(SEED + referenceRows + windowRows);
  const changes = changesOf(world);
  const found: Record<string, number> = Object.fromEntries(changes.map(({ what }) => [what, 0]));
  let falseWindows = 0;
  let badReferences = 0;
  for (let reference = 0; reference < REFERENCES; reference++) {
    const profile = profileOf(world, rowsFrom(world, referenceRows, rng, undefined));
    let rings = 0;
    for (let window = 0; window < WINDOWS; window++) {
      if (ringing(profile, rowsFrom(world, windowRows, rng, undefined)).length > 0) rings += 1;
    }
    falseWindows += rings;
    badReferences += rings > 0 ? 1 : 0;
    for (const { what, change } of changes) {
      const rang = ringing(profile, rowsFrom(world, windowRows, rng, change)).includes(change.column);
      found[what] = (found[what] as number) + (rang ? 1 : 0);
    }
  }
  return {
    table: world.name,
    columns: world.columns.length,
    referenceRows,
    windowRows,
    falseAlarmShare: falseWindows / (REFERENCES * WINDOWS),
    referencesThatRang: badReferences / REFERENCES,
    found: Object.fromEntries(Object.entries(found).map(([what, count]) => [what, count / REFERENCES])),
  };
}

const results = worlds().flatMap((world) =>
  REFERENCE_ROWS.flatMap((reference) => WINDOW_ROWS.map((window) => measure(world, reference, window))),
);
const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;
const summary = REFERENCE_ROWS.map((rows) => {
  const own = results.filter(({ referenceRows }) => referenceRows === rows);
  const shares = own.map(({ falseAlarmShare }) => falseAlarmShare);
  const foundOf = (what: string) => mean(own.flatMap(({ found }) => (what in found ? [found[what] as number] : [])));
  return {
    referenceRows: rows,
    falseAlarmShare: mean(shares),
    falseAlarmShareWorst: Math.max(...shares),
    referencesThatRang: mean(own.map(({ referencesThatRang }) => referencesThatRang)),
    foundNumbers: foundOf('numbers'),
    foundCategories: foundOf('categories'),
  };
});
const text = `${JSON.stringify(
  {
    command: 'node dist/bench/reference-rows/main.js',
    machine: `${cpus()[0]?.model}, ${cpus().length} cores`,
    node: version,
    seed: SEED,
    alpha: ALPHA.default,
    references: REFERENCES,
    windowsOfEach: WINDOWS,
    summary,
    results,
  },
  null,
  2,
)}\n`;
if (argv[2] !== undefined) writeFileSync(argv[2], text);
stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
