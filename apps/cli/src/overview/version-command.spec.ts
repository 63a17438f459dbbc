import { expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { versionCommand } from './version-command.js';

const none = { projects: async () => [] };
const away = {
  projects: async () => {
    throw new Error('no answer');
  },
};

function known(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  const projects = [{ name: 'loans', document: JSON.parse(parsed.document) as unknown }];
  return { projects: async () => projects };
}

it('trains what has a label, and registers a model where there is none', async () => {
  const unlabelled = LOANS_PROJECT.replace(/^ {2}label: .*\n/m, '').replace(', outcome: true', '');
  expect(unlabelled).not.toBe(LOANS_PROJECT);
  const registers = 'millrace models register FILE --project loans --unjudged';
  expect(await versionCommand(known(LOANS_PROJECT), 'loans')).toBe('millrace train loans');
  expect(await versionCommand(known(unlabelled), 'loans')).toBe(registers);
  for (const unknown of [none, away]) expect(await versionCommand(unknown, 'loans')).toBe('millrace train loans');
});
