// The project of specs that drive the monitor's engine without brokers: x and c in, y out.

import { type Project, parseProject } from '@millrace/project';

/** `delayMs`: of labels. */
export function aProject(windowMs: number, delayMs = 1_000): Project {
  const parsed = parseProject(
    `name: p
data:
  entity: id
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: id, type: text, required: true }
    - { name: x, type: number }
    - { name: c, type: text }
    - { name: y, type: boolean, outcome: true }
  label: { name: y, column: y, delay: ${delayMs}ms }
features: [{ name: x, kind: numeric }, { name: c, kind: categorical }]
monitoring: { window: ${windowMs}ms, allowedLateness: 1s, minRows: 100 }
`,
    'project.yaml',
  );
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}
