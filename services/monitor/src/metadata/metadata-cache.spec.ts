import { expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { MetadataCache } from './metadata-cache.js';

it('compares nothing with what a version learnt by another label rule than the project file has now', () => {
  const metadata = new MetadataCache();
  const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  const { project } = parsed;
  const { column, value } = project.data.label as { column: string; value: unknown };
  metadata.setProject(project);
  const evaluation = { rows: 100 };
  for (const [version, labelRule] of [`${column} = ${JSON.stringify(value)}`, `${column} = "another"`, ''].entries())
    metadata.setModel({ project: 'loans', version: version + 1, labelRule, evaluation } as never);
  // The third is of a build that named no rule.
  expect([1, 2, 3, 4].map((version) => metadata.evaluation('loans', version))).toEqual([
    ...[evaluation, undefined, evaluation, undefined],
  ]);
});
