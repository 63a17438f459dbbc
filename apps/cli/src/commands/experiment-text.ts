// An experiment in the terminal: until when it runs, what it waits for, its arms with their figures, and how each
// compares with the control arm.

import type { AnswerOf, routerApi } from '@millrace/api';
import { timeText } from '@millrace/domain';
import { table } from '../table.js';
import { criteriaTable, VERDICTS } from './analysis.js';

export type ExperimentStatus = NonNullable<AnswerOf<typeof routerApi.endpoints.experiment>['experiment']>;
/** What runs beside a route's targets. */
type Beside = Pick<AnswerOf<typeof routerApi.endpoints.route>['route'], 'experiment'>;
type Arm = ExperimentStatus['arms'][number];

export function describeExperiment(experiment: ExperimentStatus, width?: number): string {
  const { name, control, share, startedAtMs, startedBy, end, waitsFor, arms, routers } = experiment;
  const part = share === 100 ? 'of all traffic' : `of ${share} % of the traffic`;
  const began = `experiment ${name} ${part}: begun ${timeText(startedAtMs)} by ${startedBy}`;
  const lines = [`${began}; ${end === undefined ? until(experiment) : ended(end)}`];
  if (waitsFor !== '') lines.push(`waits for ${waitsFor}`);
  const headers = ['arm', 'version', 'share', 'answers', 'failed', 'p50 ms', 'p95 ms', 'p99 ms', 'against the control'];
  lines.push(
    table(
      headers,
      arms.map((arm) => row(arm, control)),
      width,
    ),
  );
  for (const { version, comparison } of arms) {
    if (comparison === null) continue;
    lines.push('', `version ${version} against version ${control}:`);
    lines.push(criteriaTable(comparison.criteria, { stable: control, candidate: version }, width));
  }
  if (routers > 0) lines.push('', `answers seen by ${routers} router${routers === 1 ? '' : 's'}`);
  return lines.join('\n');
}

/** Whoever moves the traffic of a route ends its running experiment, and is told; undefined: there was none to end. */
export function endedExperiment(before: Beside, { experiment }: Beside): string | undefined {
  const wasRunning = before.experiment !== undefined && before.experiment.end === undefined;
  if (!wasRunning || experiment?.end === undefined) return undefined;
  return `experiment ${experiment.name} has ended: ${experiment.end.reason}`;
}

const until = ({ endsAtMs }: ExperimentStatus): string => `it ends ${timeText(endsAtMs)}`;

function ended({ atMs, reason, by, winner }: NonNullable<ExperimentStatus['end']>): string {
  const who = by === '' ? '' : ` by ${by}`;
  return `ended ${timeText(atMs)}${who}: ${reason}${winner === 0 ? '' : `; version ${winner} has won`}`;
}

function row(arm: Arm, control: number) {
  const { variant, version, weight, isReady, answered, failed, p50Ms, p95Ms, p99Ms, comparison } = arm;
  const ms = (figure: number | null) => (figure === null ? '-' : figure.toPrecision(3));
  const share = `${weight} %`;
  // A router that has just heard of the experiment has compared nothing yet.
  const uncompared = version === control ? 'is the control' : 'not compared yet';
  const thought = comparison === null ? uncompared : `${VERDICTS[comparison.verdict]}: ${comparison.reason}`;
  const told = isReady ? thought : 'not ready: its share goes to the control arm';
  return [variant, version, share, answered, failed, ms(p50Ms), ms(p95Ms), ms(p99Ms), told];
}
