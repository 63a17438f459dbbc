// One version in full: the verdict, what it was compared with on the same rows, by how much and how sure, and each
// gate.

import { metricIn, metricNamed, shown, signed } from '@millrace/evaluation';
import { table } from '../table.js';
import { type RowCounts, type Version, verdictText } from './training-report.js';

type Comparison = NonNullable<Version['championComparison']>;

const cell = (value: number | null | undefined) => (value == null || Number.isNaN(value) ? '-' : shown(value));
const signedCell = (value: number | null) => (value === null || Number.isNaN(value) ? '-' : signed(value));

export function versionText(model: Version, counts: RowCounts | undefined, width: number | undefined): string {
  const compared = comparedText(model, width);
  const gates = model.reasons.map((reason) => `  ${reason}`);
  return [verdictText(model, counts), ...compared, '', 'gates:', ...gates].join('\n');
}

/** Empty of a version that was not judged, and of one of an earlier build. */
function comparedText(model: Version, width: number | undefined): string[] {
  const { trivialComparison: trivial, championComparison, championVersion, championStanding = '' } = model;
  if (trivial === undefined) return [];
  const metric = metricNamed(trivial.metric);
  const share = `${Math.round(trivial.confidence * 1_000) / 10} %`;
  const line = (against: string, one: Comparison) => [
    ...[against, cell(one.value), cell(one.other), signedCell(one.difference)],
    `${signedCell(one.lower)} to ${signedCell(one.upper)}`,
  ];
  const others = model.baselines.filter(({ kind, evaluation }) => kind !== 'trivial' || evaluation === undefined);
  const rows = [
    ...(championComparison === undefined
      ? []
      : [line(`version ${championVersion} (${championStanding})`, championComparison)]),
    line('the trivial baseline', trivial),
    ...others.map(({ name, evaluation, value }) => [
      ...[evaluation === undefined ? `${name}, as stated` : `the ${name} baseline`, cell(trivial.value)],
      ...[cell(value ?? metricIn(evaluation, metric)), '', ''],
    ]),
  ];
  const heads = [
    'against',
    `version ${model.version}`,
    'the other',
    'difference',
    trivial.confidence === 0 ? '' : share,
  ];
  return ['', `${metric.title} on ${trivial.rows} rows:`, table(heads, rows, width)];
}
