// How often a challenger is blessed that is as good as the version in service, better, worse, or has learned from
// labels that mean nothing: public tables, the logistic regression of ours on draws of their rows, judged as a
// training judges. Such a model stands for all of them: the gates see scores only.

import { type Rng, seededRng } from '@millrace/domain';
import { encodeRows, fitPlan, type RawColumns } from '@millrace/features';
import { baselineNetwork, fitLogistic, forward } from '@millrace/models';
import { type Project, parseProject, planOf } from '@millrace/project';
import { type PublicTable, rowsOfTable, type TableRows } from '@millrace/testing';
import { evaluateRows, judge } from '../src/pipeline/evaluate.js';
import type { LabelledRows } from '../src/pipeline/load.js';

export type Kind = 'equal' | 'better' | 'drifted' | 'worse' | 'random labels' | 'taught by random labels';

const read = new Map<string, TableRows>();
const BREATHE = async () => {};

function projectOf({ numbers, labels }: PublicTable, more: object): Project {
  const parsed = parseProject(
    JSON.stringify({
      name: 'table',
      data: {
        columns: [
          { name: 'answer', type: 'boolean', outcome: true },
          ...numbers.map((name) => ({ name, type: 'number' })),
          ...labels.map((name) => ({ name, type: 'text' })),
        ],
        label: { name: 'answer', column: 'answer' },
      },
      features: [
        ...numbers.map((name) => ({ name, kind: 'numeric' })),
        ...labels.map((name) => ({ name, kind: 'categorical' })),
      ],
      ...more,
    }),
    'project.yaml',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

function pick({ columns, labels }: TableRows, places: ArrayLike<number>): LabelledRows {
  const at = (from: ArrayLike<unknown>) => Array.from(places, (place) => from[place]);
  return {
    columns: Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, at(of)])) as RawColumns,
    labels: Float32Array.from(places, (place) => labels[place] as number),
    ...{ eventTimeMs: new Float64Array(places.length), idHashes: null, rows: places.length },
  };
}

/** Fits on rows; answers how it scores others. */
async function fitted(project: Project, train: LabelledRows) {
  const { plan } = fitPlan(planOf(project), train.columns);
  const network = baselineNetwork(plan);
  const encoded = encodeRows(plan, train.columns);
  const weights = await fitLogistic(network, { encoded, labels: train.labels }, BREATHE);
  return ({ columns }: LabelledRows) => Float32Array.from(forward(network, weights, encodeRows(plan, columns)));
}

const drawn = (rng: Rng, pool: Uint32Array, count: number) =>
  Uint32Array.from({ length: count }, () => pool[rng.below(pool.length)] as number);

/** Of `rows` rows a fifth evaluates. */
export async function challenge(table: PublicTable, kind: Kind, rows: number, seed: number, more: object = {}) {
  const project = projectOf(table, more);
  const all = read.get(table.name) ?? rowsOfTable(table);
  read.set(table.name, all);
  const rng = seededRng(seed);
  const order = Uint32Array.from({ length: all.labels.length }, (_, i) => i);
  rng.shuffle(order);
  const evaluated = Math.round(rows / 5);
  const later = pick(all, order.subarray(0, evaluated));
  const pool = order.subarray(evaluated);
  const draw = (share = 1) => pick(all, drawn(rng, pool, Math.round((rows - evaluated) * share)));
  const teaches: Record<Kind, () => LabelledRows> = {
    equal: () => draw(),
    better: () => draw(),
    drifted: () => draw(),
    worse: () => draw(1 / 4),
    'random labels': () => mixedLabels(rng, draw()),
    'taught by random labels': () => mixedLabels(rng, draw()),
  };
  const train = teaches[kind]();
  const champions: Record<Kind, () => LabelledRows> = {
    equal: () => draw(),
    better: () => draw(1 / 4),
    drifted: () => everyOtherColumnMixed(rng, draw()),
    worse: () => draw(),
    'random labels': () => draw(),
    'taught by random labels': () => draw(),
  };
  const [own, other] = [await fitted(project, train), await fitted(project, champions[kind]())];
  const isBroken = kind === 'random labels' || kind === 'taught by random labels';
  if (kind === 'random labels') mixedLabels(rng, later);
  const scores = own(later);
  const share = train.labels.reduce((sum, label) => sum + label, 0) / train.rows;
  return judge(project, later, {
    ...{ scores, evaluation: evaluateRows(project, later, scores), warnings: [] },
    trivial: new Float64Array(later.rows).fill(share),
    computed: () => undefined,
    champion: {
      ...{ version: 1, standing: 'in service', labelRule: '', inputs: [] },
      // Sure of the opposite: worse than any constant.
      score: async (of) => (isBroken ? other(of).map((score) => 1 - score) : other(of)),
    },
  });
}

function mixedLabels(rng: Rng, rows: LabelledRows): LabelledRows {
  rng.shuffle(rows.labels as unknown as Uint32Array);
  return rows;
}

/** Half of the columns said nothing before the drift. */
function everyOtherColumnMixed(rng: Rng, rows: LabelledRows): LabelledRows {
  Object.values(rows.columns).forEach((column, k) => {
    if (k % 2 === 0) rng.shuffle(column as unknown as Uint32Array);
  });
  return rows;
}
