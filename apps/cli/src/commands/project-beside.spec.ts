// After `new --output FILE` its "Next:" lines failed, or trained another project file of the same name without a word.

import { expect, it } from '@jest/globals';
import { canonicalJson } from '@millrace/project';
import { stepsBeside } from './project-beside.js';

const document = { name: 'cost', data: { columns: [{ name: 'cost' }, { name: 'size' }] } };
const text = canonicalJson(document);

const steps = (output: string, here: string | undefined, applied?: unknown) =>
  stepsBeside('cost', text, ['cost', 'size'], { output, isHere: output === 'project.yaml', here, applied });

it.each([
  ['project.yaml', 'cost', []],
  ['c.yaml', 'sensors', ['millrace apply c.yaml']],
  ['my c.yaml', undefined, ["millrace apply 'my c.yaml'"]],
])('a file %s beside one of %s is handed over first, where ingest does not do it', (output, here, first) =>
  expect(steps(output, here)).toEqual({ warnings: [], first }),
);

it('a file beside one of the same project takes its place, or ingest and train go on with that one', () => {
  const { warnings, first } = steps('q.yaml', 'cost');
  expect(first).toEqual(['mv q.yaml project.yaml']);
  expect(warnings.join()).toContain("project.yaml here is of project 'cost', too");
});

it('an applied project of its name with another document is told', () => {
  expect(steps('project.yaml', 'cost', { data: document.data, name: 'cost' }).warnings).toEqual([]);
  const label = { name: 'late', column: 'size' };
  const [other] = steps('c.yaml', undefined, { ...document, data: { ...document.data, label } }).warnings;
  expect(other).toContain("project 'cost' is applied already, with another content: c.yaml takes its place when");
  const [foreign] = steps('c.yaml', undefined, { name: 'cost', data: { columns: [{ name: 'speed' }] } }).warnings;
  expect(foreign).toContain("another project 'cost' is applied, with the columns 'speed', none of which c.yaml has");
});
