// Copies and their comparisons for GET /v1/stats and as Prometheus text. Sums since this router's start: whoever wants
// a span takes the difference of two readings; the routers of a platform add up.

import { label } from '../outcomes/prometheus-text.js';
import type { PairedAnswers } from './paired-answers.js';
import { DROPS, type ShadowCopies } from './shadow-copies.js';

export interface PairStats extends Omit<PairedAnswers, 'differenceSum' | 'elements'> {
  /** Share of the rows on which the versions decide differently; null without rows. */
  disagreement: number | null;
  /** Mean |difference| of the first output; null where nothing was finite in both. */
  meanDifference: number | null;
}

export function pairStats(pairs: readonly PairedAnswers[], project?: string): PairStats[] {
  return pairs
    .filter((pair) => project === undefined || pair.project === project)
    .map(({ differenceSum, elements, ...pair }) => ({
      ...pair,
      disagreement: pair.rows === 0 ? null : pair.disagreeing / pair.rows,
      meanDifference: elements === 0 ? null : differenceSum / elements,
    }));
}

const FAMILIES: readonly [name: string, help: string, of: (pair: PairedAnswers) => number][] = [
  ['requests_total', 'Requests that the live version and the shadow answered.', ({ requests }) => requests],
  ['uncompared_total', 'The same where the answers could not be compared.', ({ uncompared }) => uncompared],
  ['rows_total', 'Rows of compared answers.', ({ rows }) => rows],
  ['disagreeing_rows_total', 'Rows that the versions decide differently.', ({ disagreeing }) => disagreeing],
  ['difference_count', 'Elements of the first output that are finite in both answers.', ({ elements }) => elements],
  ['difference_sum', 'Sum of |live - shadow| over them.', ({ differenceSum }) => differenceSum],
  ['not_finite_total', 'Elements of the first output that are finite in one alone.', ({ notFinite }) => notFinite],
];

export function prometheusPairs(
  pairs: readonly PairedAnswers[],
  { dropped, inFlight }: Pick<ShadowCopies, 'dropped' | 'inFlight'>,
): string {
  const copies = 'millrace_router_shadow';
  const lines = [
    `# HELP ${copies}_dropped_total Copies that were not sent.`,
    `# TYPE ${copies}_dropped_total counter`,
    ...DROPS.map((reason) => `${copies}_dropped_total{reason="${reason}"} ${dropped[reason]}`),
    `# HELP ${copies}_in_flight Copies that are not settled.`,
    `# TYPE ${copies}_in_flight gauge`,
    `${copies}_in_flight ${inFlight}`,
  ];
  for (const [name, help, of] of FAMILIES) {
    const family = `${copies}_pair_${name}`;
    lines.push(`# HELP ${family} ${help}`, `# TYPE ${family} counter`);
    for (const pair of pairs) {
      const labels = `project="${label(pair.project)}",live="${pair.live}",shadow="${pair.shadow}"`;
      lines.push(`${family}{${labels}} ${of(pair)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
