import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { LOANS_PROJECT } from '@millrace/testing';
import { durationText, noWindowText, windowOf } from './window-text.js';

it.each([
  [86_400_000, '1d'],
  [7_776_000_000, '90d'],
  [5_400_000, '90m'],
  [1_500, '1500ms'],
])('%i ms is %s', (ms, text) => expect(durationText(ms)).toBe(text));

it('names the length of a window and where it is set, while nobody can see one', async () => {
  const parsed = parseProject(LOANS_PROJECT, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  const projects = async () => [{ name: 'loans', document: JSON.parse(parsed.document) as unknown }];
  const window = await windowOf({ projects }, 'loans');
  expect(window).toBe(parsed.project.monitoring.windowMs);
  expect(noWindowText(0, 86_400_000, 0)).toBe(
    'no window is closed yet: the first closes with a prediction whose event time is after 1970-01-01T00:00:00Z\n' +
      'a window is 1d long: monitoring.window of the project file, where 1m shows one in minutes',
  );
  // No advice to do what is done.
  expect(noWindowText(0, 60_000, 1)).toMatch(
    /after 1970-01-01T00:00:00Z, which is over: none has come\na window is 1m long: monitoring.window of the project file$/,
  );
  expect(noWindowText(null, 86_400_000, 0)).toContain('the first opens with the first answer');
  const away = { projects: () => Promise.reject(new Error('away')) };
  expect(await windowOf(away, 'loans')).toBeUndefined();
  expect(noWindowText(0, undefined, 0)).not.toContain('long');
});

it('is short where a project file says what the quickstart shows', () => {
  const [, shown = ''] = /```yaml\n(monitoring: .*)\n```/.exec(readFileSync('docs/quickstart.md', 'utf8')) ?? [];
  const parsed = parseProject(`${LOANS_PROJECT}${shown}\n`, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  expect(durationText(parsed.project.monitoring.windowMs)).toBe('1m');
});
