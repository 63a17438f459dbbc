import { expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { explained, type Known } from './not-found.js';

const error = new PlatformError('not_found', "project 'loans' has no route");
const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
const document: unknown = parsed.kind === 'ok' ? JSON.parse(parsed.document) : {};
const known: Known = {
  projects: async () => [{ name: 'loans', document }],
  models: async () => [
    { version: 1, blessed: true, evaluation: {} },
    { version: 2, blessed: false },
    { version: 3, blessed: false, evaluation: {} },
  ],
  routeOrNone: async () => ({}),
};
const away = () => Promise.reject(new Error('away'));

it.each([
  ['laons', {}, "there is no project 'laons'; `millrace projects list` lists them. Did you mean 'loans'?"],
  ['zebra', {}, "there is no project 'zebra'; `millrace projects list` lists them."],
  ['loans', { models: async () => [] }, 'loans has no model version yet: `millrace train loans` makes one'],
  ['loans', { routeOrNone: async () => undefined }, '`millrace rollout start loans 2` brings one there'],
  [
    'loans',
    { routeOrNone: async () => undefined, models: async () => [{ version: 1, blessed: false, evaluation: {} }] },
    'no version of loans is in service, and none is blessed: `millrace models loans` says why',
  ],
  ['loans', {}, "project 'loans' has no route; `millrace models loans` lists the versions of loans"],
  ['loans', { projects: away }, "project 'loans' has no route"],
  ['loans', { models: away }, "project 'loans' has no route"],
])('of %s, %#', async (name, part, reason) => {
  expect((await explained(error, name, { ...known, ...part })).reason).toContain(reason);
});

it('says of which project the file here is', async () => {
  const of = async (here: string) => (await explained(error, 'zebra', known, here)).reason;
  expect(await of('weather')).toContain("lists them. project.yaml here is of project 'weather'.");
  expect(await of('zebra')).not.toContain('project.yaml');
});

it('leaves what is no version as it is', async () => {
  const source = new PlatformError('not_found', "no source 'histry' in the project file");
  expect(await explained(source, 'loans', { ...known, models: async () => [] })).toBe(source);
});

it('explains nothing else', async () => {
  const other = new PlatformError('conflict', 'busy');
  expect(await explained(other, 'laons', known)).toBe(other);
});
