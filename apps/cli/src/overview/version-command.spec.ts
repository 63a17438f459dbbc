import { expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { versionCommand } from './version-command.js';

function known(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  return [{ name: 'loans', document: JSON.parse(parsed.document) as unknown }];
}

it('trains what has a label, and registers a model where there is none', () => {
  const unlabelled = LOANS_PROJECT.replace(/^ {2}label: .*\n/m, '').replace(', outcome: true', '');
  expect(unlabelled).not.toBe(LOANS_PROJECT);
  expect(versionCommand('loans', known(LOANS_PROJECT))).toBe('millrace train loans');
  expect(versionCommand('loans', known(unlabelled))).toBe('millrace models register FILE --project loans --unjudged');
  expect(versionCommand('loans', [])).toBe('millrace train loans');
});
