// How an analysis of a rollout is told in the terminal: what is thought, and by criterion both figures, the interval of
// the difference, and how far the test is.

import type { AnswerOf, routerApi } from '@millrace/api';
import { table } from '../table.js';

export type RolloutAnalysis = NonNullable<AnswerOf<typeof routerApi.endpoints.analysis>['analysis']>;
type Criterion = RolloutAnalysis['criteria'][number];

export const VERDICTS: Readonly<Record<RolloutAnalysis['verdict'], string>> = {
  pass: 'good',
  fail: 'bad',
  not_yet: 'not decided yet',
  no_data: 'no data',
  inconclusive: 'not decided in its time',
};

/** Lines; what an effect is counted from stands below the table. */
export function describeAnalysis(analysis: RolloutAnalysis, width?: number): string {
  const { verdict, reason, isUnderWay, stable, candidate, answered, dryRun, criteria, routers } = analysis;
  const when = isUnderWay ? 'analysis' : 'analysis of the last rollout';
  const counted = `${answered.candidate} answers of version ${candidate}, ${answered.stable} of version ${stable}`;
  const from = `${counted}, seen by ${routers} router${routers === 1 ? '' : 's'}`;
  const lines = [`${when}: ${VERDICTS[verdict]}${dryRun ? ' (dry run)' : ''}, ${reason}`, from];
  const notes = criteria.flatMap(({ criterion, note }) => (note === undefined ? [] : `${criterion}: ${note}`));
  return [...lines, criteriaTable(criteria, { stable, candidate }, width), ...notes].join('\n');
}

/** By criterion both figures, the interval of their difference, and how far the test is. */
export function criteriaTable(
  criteria: readonly Criterion[],
  { stable, candidate }: { stable: number; candidate: number },
  width?: number,
): string {
  const of = [`version ${candidate}`, `version ${stable}`];
  return table(['criterion', 'thought', ...of, 'difference', 'interval', 'next'], criteria.map(row), width);
}

function row(criterion: Criterion): string[] {
  const { criterion: name, verdict, candidate, stable, difference, interval } = criterion;
  return [
    ...[name, VERDICTS[verdict], figure(criterion, candidate), figure(criterion, stable)],
    difference === null ? '-' : apart(criterion, difference),
    interval === null ? '-' : `${apart(criterion, interval.lower)} to ${apart(criterion, interval.upper)}`,
    next(criterion),
  ];
}

function figure({ unit }: Criterion, { figure, k, n, says }: Criterion['stable']): string {
  if (figure === null) return 'none';
  if (unit === 'share') return `${k} of ${n}`;
  if (unit === 'loss') return `${figure.toPrecision(3)} of ${n} labels`;
  if (unit === 'drifts') return says ?? String(figure);
  return unit === 'ms' ? `${figure.toPrecision(3)} ms` : figure.toPrecision(3);
}

function next({ verdict, effect, answersUntilSeen, unit, designEffect }: Criterion): string {
  if (verdict === 'fail' || verdict === 'no_data' || unit === 'drifts') return effect;
  const seen = `${effect}: ${untilSeen(verdict, answersUntilSeen, unit)}`;
  return designEffect < 1.5 ? seen : `${seen}; entities differ, ${designEffect.toPrecision(2)} answers count as one`;
}

function untilSeen(verdict: Criterion['verdict'], answersUntilSeen: number, unit: Criterion['unit']): string {
  if (verdict === 'pass') return 'ruled out';
  if (answersUntilSeen === 0) return 'would have been seen';
  return `would be seen after about ${answersUntilSeen} more ${unit === 'loss' ? 'labels' : 'answers'}`;
}

/** With its sign; a share as points of a percent. */
function apart({ unit }: Criterion, difference: number): string {
  const sign = difference > 0 ? '+' : '';
  if (unit === 'loss') return `${sign}${difference.toFixed(4)}`;
  return unit === 'drifts' ? `${sign}${difference}` : `${sign}${(difference * 100).toFixed(1)}`;
}
