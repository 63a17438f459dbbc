// The project file's rollout.analysis: its schema, how it becomes a plan, and what of it would change nothing. Defaults
// and their reasons are libs/routing's (DEFAULT_ANALYSIS).

import {
  type AnalysisPlan,
  CRITERIA,
  DEFAULT_ANALYSIS,
  STRATEGIES,
  TESTED_CRITERIA,
  type TestedName,
} from '@millrace/routing';
import { DURATION_PATTERN, parseDuration } from './duration.js';

type Node = Readonly<Record<string, unknown>>;

const block = (description: string, properties: Record<string, Node>): Node => ({
  ...{ type: 'object', description, properties, required: [], additionalProperties: false },
});
const number = (description: string, least: number, most: number, fallback: number): Node => ({
  ...{ type: 'number', minimum: least, maximum: most, description: `${description} By default ${fallback}.` },
});
const duration = (description: string, fallbackMs: number): Node => ({
  ...{ type: 'string', pattern: DURATION_PATTERN },
  description: `${description} By default ${fallbackMs % 60_000 === 0 ? `${fallbackMs / 60_000}m` : `${fallbackMs / 1_000}s`}.`,
});

const {
  alpha,
  missed,
  intervalMs,
  minRequests,
  inconclusiveAfterMs,
  errors,
  latency,
  unusable,
  constant,
  scores,
  quality,
} = DEFAULT_ANALYSIS;

const effectOf = (description: string, what: string, fallback: number): Node =>
  block(description, { effect: number(what, 0.001, 0.95, fallback) });

/** Of `rollout.analysis`. */
export const ANALYSIS_NODE: Node = block(
  'How the new version is compared with the stable one while a rollout goes in steps: a bad one is aborted, a good one may have its next step.',
  {
    alpha: number('Probability that a healthy version is aborted, over all criteria and looks.', 0.0001, 0.2, alpha),
    missed: number('Probability that a version with the stated effect passes, of each criterion.', 0.001, 0.5, missed),
    interval: duration('How often it is looked at, 1s at least; no error depends on it.', intervalMs),
    minRequests: {
      ...{ type: 'integer', minimum: 1, maximum: 1_000_000_000 },
      description: `Answers of the new version, at each step, before it passes. By default ${minRequests}.`,
    },
    inconclusiveAfter: duration(
      'A step that has neither passed nor failed by then is paused and waits for a person.',
      inconclusiveAfterMs,
    ),
    dryRun: { type: 'boolean', description: 'Judged and told; steps come by their time. By default false.' },
    ignore: {
      ...{ type: 'array', maxItems: TESTED_CRITERIA.length, description: 'Criteria that are not judged.' },
      items: { type: 'string', enum: TESTED_CRITERIA, description: 'A criterion.' },
    },
    errors: effectOf('Failed answers.', 'Share more of them that is seen.', errors.effect),
    latency: block('Slow answers.', {
      quantile: number('Whose', 0.5, 0.999, latency.quantile),
      factor: number('So many times the stable version’s is seen.', 1.05, 100, latency.factor),
    }),
    unusable: effectOf('Answers of NaN or infinity.', 'Share more of them that is seen.', unusable.effect),
    constant: effectOf(
      'The same score for everybody.',
      'Of the pairs of scores that differ for the stable version the share that is equal.',
      constant.effect,
    ),
    scores: effectOf('Scores that have moved.', 'Share more beyond a quartile that is seen.', scores.effect),
    quality: block('Quality by labels: the mean loss of labelled answers, a binary task’s squared error.', {
      effect: number('So much higher is seen.', 0.001, 0.95, quality.effect),
      required: {
        type: 'boolean',
        description:
          'A step waits for labels that say that the version is not worse. By default false: labels can end a rollout, and hold none.',
      },
    }),
    drift: block('Drift as the monitor finds it.', {
      aborts: {
        type: 'boolean',
        description:
          'An alarm for an input, or the scores, of the new version that does not ring for the stable one ends the rollout. By default false: alpha does not bound the monitor’s false alarms.',
      },
    }),
  },
);

// biome-ignore lint/suspicious/noExplicitAny: a document that the schema has accepted
type Document = Record<string, any>;

const ms = (text: string): number => parseDuration(text) as number;

/** Without labels there is no quality to judge, and the others share its part of alpha. */
export function analysisOf(raw: Document = {}, isLabelled = true): AnalysisPlan {
  const { interval, inconclusiveAfter, ...rest } = raw;
  const plan: Document = { ...DEFAULT_ANALYSIS, ...rest };
  for (const name of CRITERIA) plan[name] = { ...DEFAULT_ANALYSIS[name], ...rest[name] };
  if (interval !== undefined) plan.intervalMs = ms(interval);
  if (inconclusiveAfter !== undefined) plan.inconclusiveAfterMs = ms(inconclusiveAfter);
  if (!isLabelled) plan.ignore = [...plan.ignore, 'quality'];
  return plan as AnalysisPlan;
}

type Report = (path: readonly (string | number)[], message: string) => void;

/** Not there, or blocks without anything in them. */
function saysNothing(value: unknown): boolean {
  if (value === undefined) return true;
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(saysNothing)
  );
}

const INTERVAL_MS_MIN = 1_000;

interface Checked {
  strategy: string;
  analysis: AnalysisPlan;
  /** Around a switch of all traffic. */
  checks?: object;
}

export function checkAnalysis(
  { strategy, analysis, checks }: Checked,
  isLabelled: boolean,
  document: unknown,
  report: Report,
): void {
  const written = (document as { rollout?: { analysis?: Document } }).rollout?.analysis ?? {};
  if (saysNothing(written)) return;
  const path = ['rollout', 'analysis'];
  const inSteps = STRATEGIES.filter(({ steps }) => steps !== undefined).map(({ name }) => name);
  if (!inSteps.includes(strategy) && checks === undefined) {
    const said = `analysis does not fit strategy ${strategy}, which moves all traffic at once: there is nobody to compare with`;
    report(path, `${said}. Write strategy: ${inSteps.join(' or ')}, or checks, or remove analysis.`);
    return;
  }
  const { intervalMs, inconclusiveAfterMs } = analysis;
  const ignore: readonly TestedName[] = written.ignore ?? [];
  const mentionsQuality = !saysNothing(written.quality) || ignore.includes('quality');
  if (!isLabelled && mentionsQuality)
    report(
      [...path, 'quality'],
      'quality is judged by labels, and the project has none. Add data.label, or remove it.',
    );
  ignore.forEach((name: TestedName, index) => {
    if (!saysNothing(written[name]))
      report(
        [...path, name],
        `${name} is ignored, its effect would change nothing. Remove it, or remove it from ignore.`,
      );
    if (ignore.indexOf(name) !== index) report([...path, 'ignore', index], `${name} is ignored twice. Remove one.`);
  });
  if (!analysis.drift.aborts && TESTED_CRITERIA.every((name) => analysis.ignore.includes(name)))
    report([...path, 'ignore'], 'all criteria are ignored, nothing would be judged. Keep one, or write dryRun: true.');
  if (intervalMs < INTERVAL_MS_MIN)
    report([...path, 'interval'], `the interval is ${intervalMs} ms, evidence comes once a second. Write 1s or more.`);
  if (inconclusiveAfterMs < intervalMs)
    report(
      [...path, 'inconclusiveAfter'],
      `inconclusiveAfter ends before the first look (interval, ${intervalMs} ms). Write more.`,
    );
}
