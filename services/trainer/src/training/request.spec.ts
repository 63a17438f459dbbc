import { describe, expect, it } from '@jest/globals';
import type { TrainingRequest } from '@millrace/domain';
import { parseProject, WORKERS_MAX } from '@millrace/project';
import { completeRequest } from './request.js';

const projectOf = (evaluation: string, workers: number) => {
  const parsed = parseProject(
    `
name: shop
data:
  entity: region
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: region, type: text, required: true }
    - { name: returned, type: number, outcome: true }
  label: { name: returned, column: returned }
features: [{ name: region, kind: categorical }]
training: { workers: ${workers}, seed: 9 }
evaluation: ${evaluation}
`,
    'project.yaml',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
};
const project = projectOf('{ from: 2001-02-15, share: 0.3 }', 3);
const open: TrainingRequest = {
  project: 'shop',
  datasetVersions: ['a', 'a', 'b'],
  evaluateFromMs: 0,
  evaluationShare: 0,
  warmStartVersion: 0,
  workers: 0,
  seed: 0,
  trigger: '',
  correlationId: '',
};

describe('a request', () => {
  it('gets what it leaves open from the project', () => {
    expect(completeRequest(open, project, false)).toEqual({
      ...open,
      datasetVersions: ['a', 'b'],
      evaluationShare: 0.3,
      workers: 3,
      seed: 9,
      trigger: 'manual',
    });
  });

  it.each([
    ['the first version', {}, true, Date.UTC(2001, 1, 15)],
    ['a later version', {}, false, 0],
    ['the first version, whose request names a share', { evaluationShare: 0.1 }, true, 0],
    ['the first version, whose request names a time', { evaluateFromMs: 5 }, true, 5],
  ])('%s evaluates rows from the right time on', (_, changes, isFirst, evaluateFromMs) => {
    expect(completeRequest({ ...open, ...changes }, project, isFirst).evaluateFromMs).toBe(evaluateFromMs);
  });

  it('has no time to evaluate from where the project names none', () => {
    expect(completeRequest(open, projectOf('{ share: 0.3 }', 1), true).evaluateFromMs).toBe(0);
  });

  it.each([
    [{ datasetVersions: [] }, /at least one dataset version/],
    [{ workers: WORKERS_MAX + 1 }, /workers must be 1 to 64/],
    [{ evaluationShare: 1 }, /between 0 and 1/],
  ])('that cannot work is refused: %j', (changes, reason) => {
    expect(() => completeRequest({ ...open, ...changes }, project, false)).toThrow(reason);
  });

  it('may ask for as many workers as a project file may', () => {
    expect(completeRequest(open, projectOf('{}', WORKERS_MAX), false).workers).toBe(WORKERS_MAX);
    expect(() => projectOf('{}', WORKERS_MAX + 1)).toThrow(/at most 64/);
  });
});
