// One trial of a public table on real workers, with nothing said about how to train.

import { systemClock } from '@millrace/domain';
import { metricIn, metricNamed } from '@millrace/evaluation';
import { forward, scoreLogistic } from '@millrace/models';
import { type Project, parseProject } from '@millrace/project';
import type { PublicTable, TableRows } from '@millrace/testing';
import { evaluateRows } from '../src/pipeline/evaluate.js';
import { runTrial, type Trial } from '../src/pipeline/trial.js';
import type { TrainingReporter } from '../src/training/runner.js';
import type { WorkerGroup } from './worker-group.js';

const LOG_LOSS = metricNamed('log_loss');

function projectOf({ numbers, labels }: PublicTable): Project {
  const column = (type: string) => (name: string) => ({ name, type });
  const feature = (kind: string) => (name: string) => ({ name, kind });
  const document = {
    name: 'table',
    data: {
      entity: 'who',
      eventTime: 'at',
      columns: [
        { name: 'at', type: 'timestamp', required: true },
        { name: 'who', type: 'text', required: true },
        { name: 'answer', type: 'boolean', outcome: true },
        ...numbers.map(column('number')),
        ...labels.map(column('text')),
      ],
      label: { name: 'answer', column: 'answer' },
    },
    features: [...numbers.map(feature('numeric')), ...labels.map(feature('categorical'))],
  };
  const parsed = parseProject(JSON.stringify(document), 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

export interface TableTrial {
  trial: Trial;
  /** Log loss on the rows that did not train. */
  own: number;
  logistic: number;
  /** Steps that were made, and the most. */
  steps: string;
}

export async function trialOf(
  group: WorkerGroup,
  table: PublicTable,
  { columns, labels }: TableRows,
  workers: number,
): Promise<TableTrial> {
  const eventTimeMs = Float64Array.from(labels, (_, i) => i + 1);
  const rows = { columns, labels, eventTimeMs, idHashes: null, rows: labels.length };
  const project = projectOf(table);
  let steps = 'none';
  const settings = {
    ...{ id: `${table.name}-${workers}`, project, workers, seed: 7, parent: null },
    split: { by: 'event time' as const, evaluateFromMs: table.train + 1, evaluationShare: 0 },
  };
  const ports = {
    files: group.files,
    workers: group.collective,
    scorer: {
      score: async (...[network, weights, encoded]: Parameters<typeof forward>) =>
        Float32Array.from(forward(network, weights, encoded)),
    },
    clock: systemClock,
  };
  const reporter: TrainingReporter = {
    report: (step) => {
      if (step.kind === 'progress') steps = `${step.step} of ${step.steps}`;
    },
  };
  const trial = await runTrial(rows, settings, reporter, ports);
  const regression = evaluateRows(project, trial.later, scoreLogistic(trial.baseline, trial.later.columns));
  return { trial, own: metricIn(trial.evaluation, LOG_LOSS), logistic: metricIn(regression, LOG_LOSS), steps };
}
