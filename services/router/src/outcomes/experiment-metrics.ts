// Running experiments as Prometheus text (exposition format 0.0.4): which share each arm is to have, whether serving
// has it, and what it answered here. A few lines an arm, made when somebody scrapes; they end with the experiment.

import { type Experiment, type Route, runningExperiment, type VersionEvidence } from '@millrace/routing';
import type { EvidenceBook } from '../analysis/evidence-book.js';
import { label } from './prometheus-text.js';

const SHARE = 'millrace_router_experiment_share_percent';
const READY = 'millrace_router_experiment_arm_ready';
const ANSWERS = 'millrace_router_experiment_answers_total';

export function prometheusExperiments(routes: readonly Route[], book: Pick<EvidenceBook, 'of'>): string {
  const [shares, ready, answers]: [string[], string[], string[]] = [[], [], []];
  for (const route of routes) {
    const experiment = runningExperiment(route);
    if (experiment === undefined) continue;
    const of = (version: number, more = '') =>
      `{project="${label(route.project)}",experiment="${experiment.name}",version="${version}"${more}}`;
    for (const { version, weight, isReady } of experiment.arms) {
      shares.push(`${SHARE}${of(version)} ${(weight * experiment.share) / 100}`);
      ready.push(`${READY}${of(version)} ${isReady ? 1 : 0}`);
    }
    for (const { version, answered, failed } of counted(route.project, experiment, book)) {
      answers.push(`${ANSWERS}${of(version, ',outcome="ok"')} ${answered - failed}`);
      answers.push(`${ANSWERS}${of(version, ',outcome="failed"')} ${failed}`);
    }
  }
  const family = (name: string, type: string, help: string, lines: string[]): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...lines,
  ];
  const lines = [
    ...family(SHARE, 'gauge', 'Percent of live traffic that an arm of a running experiment is to have.', shares),
    ...family(READY, 'gauge', 'Whether serving has the arm; else its share goes to the control arm.', ready),
    ...family(ANSWERS, 'counter', 'Answers of an arm to requests that were drawn for it.', answers),
  ];
  return `${lines.join('\n')}\n`;
}

function counted(
  project: string,
  { control, fromRevision }: Experiment,
  book: Pick<EvidenceBook, 'of'>,
): readonly VersionEvidence[] {
  return book.of({ project, version: control, fromRevision })?.versions ?? [];
}
