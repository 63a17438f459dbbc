// Prints the lines of docs/training-defaults.md: what a training of each public table reaches. Needs a build.
//   node services/trainer/test/tables.mjs [FOLDER of make_tables.py --all]

import { publicTables, rowsOfTable } from '../../../dist/libs/testing/src/index.js';
import { trialOf } from '../../../dist/services/trainer/test/table-trial.js';
import { WorkerGroup } from '../../../dist/services/trainer/test/worker-group.js';

const group = await WorkerGroup.start(1);
try {
  const [, , folder] = process.argv;
  for (const table of publicTables(folder)) {
    const rows = rowsOfTable(table, folder);
    const { own, logistic, steps } = await trialOf(group, table, rows, 1);
    const figures = [table.trivial, table.logistic, logistic, own, table.boosting].map((value) => value.toFixed(4));
    const cells = [table.name, table.source, table.rows, ...figures, steps];
    process.stdout.write(`| ${cells.join(' | ')} |\n`);
  }
} finally {
  await group.stop();
}
