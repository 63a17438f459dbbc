// A version that was trained on from its parent's weights and is not blessed, or whose training broke off, is trained
// once more from scratch, on the same rows with the same seed, and the better of the two stands: what is wrong with a
// parent (a scale that was fitted to broken rows, weights far off) lives on in its children, and no number of
// retrainings mends it. At most one further training. What is chosen of two by the rows that judge looks better on them
// by a little: an equal one may pass for better up to twice as often as one alone.

import type { PlatformError } from '@millrace/domain';
import { type EvaluationReport, isBetter, type Metric, metricIn, shownAgainst } from '@millrace/evaluation';

export interface Judged<Trial> {
  trial: Trial;
  report: EvaluationReport;
}

/** `again`: from scratch. */
export async function ratherCold<Trial>(
  warm: Judged<Trial> | PlatformError,
  again: () => Promise<Judged<Trial>>,
  { metric, parent }: { metric: Metric; parent: number },
): Promise<Judged<Trial>> {
  const cold = await again();
  if (!('report' in warm))
    return saying(cold, `trained from scratch, for from version ${parent}'s weights it failed`, warm.reason);
  const [own, other] = [warm, cold].map(({ report }) => metricIn(report.evaluation, metric)) as [number, number];
  const figures = (one: number, two: number) =>
    `${metric.title} ${shownAgainst(one, two)} on ${cold.report.evaluation.rows} rows`;
  return cold.report.blessed || isBetter(metric, other, own)
    ? saying(cold, `trained from scratch, for from version ${parent}'s weights it was not blessed`, figures(other, own))
    : saying(warm, `trained from version ${parent}'s weights, and from scratch it was no better`, figures(own, other));
}

function saying<Trial>({ trial, report }: Judged<Trial>, said: string, detail: string): Judged<Trial> {
  const { verdict, warnings } = report;
  const sentence = `It is ${said}: ${detail}.`;
  return {
    trial,
    report: { ...report, verdict: `${verdict}; ${said} (${detail})`, warnings: [...warnings, sentence] },
  };
}
