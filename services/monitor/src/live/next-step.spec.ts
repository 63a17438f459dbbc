import { describe, expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { nextStep, type Progress } from './next-step.js';

const parsed = parseProject(
  `name: p
data:
  entity: id
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: id, type: text, required: true }
    - { name: hour, type: integer, derive: { from: at, part: hour } }
    - { name: place, type: text, domain: ["L'Aquila", Rome] }
    - { name: size, type: number, min: 2 }
    - { name: new, type: boolean }
    - { name: y, type: boolean, outcome: true }
  label: { name: y, column: y, delay: 1s }
features:
  - { name: hour, kind: numeric }
  - { name: place, kind: categorical }
  - { name: size, kind: numeric }
  - { name: new, kind: categorical }
`,
  'project.yaml',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const { project } = parsed;

const commandsAt = (progress: Partial<Progress>) =>
  nextStep(project, { versions: [], served: false, predictions: 0, ...progress })?.commands;

describe('nextStep', () => {
  it('goes from rows to a model, a rollout, a request, and then says nothing', () => {
    expect(commandsAt({})).toEqual(['npx millrace ingest p --file FILE', 'npx millrace train p']);
    expect(commandsAt({ versions: [{ version: 1, blessed: false }] })).toEqual([
      'npx millrace models p',
      'npx millrace train p',
    ]);
    expect(
      commandsAt({
        versions: [
          { version: 1, blessed: true },
          { version: 2, blessed: false },
        ],
      }),
    ).toEqual(['npx millrace rollout start p 1']);
    expect(commandsAt({ versions: [{ version: 1, blessed: true }], served: true, predictions: 1 })).toBeUndefined();
  });

  it('does not send a project without a label to a training that is refused', () => {
    const data = { ...project.data, label: undefined };
    const commandsWith = (versions: Progress['versions']) =>
      nextStep({ ...project, data }, { versions, served: false, predictions: 0 })?.commands;
    expect(commandsWith([])).toEqual(['npx millrace models register FILE --project p --unjudged']);
    expect(commandsWith([{ version: 1, blessed: false }])).toEqual(['npx millrace rollout start p 1']);
  });

  it('writes a row of what clients send, as one word of a shell', () => {
    const row = `{"at":"2026-01-31T12:00:00Z","place":"L'\\''Aquila","size":2,"new":true}`;
    expect(commandsAt({ served: true })).toEqual([`npx millrace predict p --row '${row}'`]);
  });
});
