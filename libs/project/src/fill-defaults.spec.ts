// The schema is the one home of defaults: what a file leaves out is what the schema says of it, for every key.

import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { LOANS } from '../test/loans.js';
import { fillDefaults } from './fill-defaults.js';
import { parseProject } from './parse-project.js';
import { projectSchema } from './schema.js';
import type { SchemaNode } from './schema-nodes.js';

const short = `${LOANS.replace('data:', 'data:\n  sources: { old: { kind: csv, path: loans.csv } }')}
monitoring: { input: { features: { income: { psi: 0.3 } } } }
serving: { onlineFeatures: { columns: [income] } }
replay:
  source: old
  history: { from: 2001-01-01, to: 2001-03-01, trainTo: 2001-02-15, rows: 100 }
  live: { from: 2001-03-01, to: 2001-07-01, rows: 100 }
`;

function project(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

/** Paths of the schema that have a default; "*" stands for an entry of a list or a name. */
function defaults(node: SchemaNode, path: readonly string[] = []): [string, unknown][] {
  const own: [string, unknown][] = node.default === undefined ? [] : [[path.join('.'), node.default]];
  const inner = [
    ...Object.entries((node.properties ?? {}) as Record<string, SchemaNode>),
    ...(node.items === undefined ? [] : [['*', node.items as SchemaNode] as const]),
    ...(typeof node.additionalProperties === 'object' ? [['*', node.additionalProperties as SchemaNode] as const] : []),
  ];
  return [...own, ...inner.flatMap(([key, child]) => defaults(child, [...path, key]))];
}

/** The values at a path; an entry is every entry. */
function valuesAt(document: unknown, path: readonly string[]): unknown[] {
  const [key, ...rest] = path;
  if (key === undefined) return [document];
  if (typeof document !== 'object' || document === null) return [];
  if (key === '*') return Object.values(document).flatMap((entry) => valuesAt(entry, rest));
  return valuesAt((document as Record<string, unknown>)[key], rest);
}

const filled = fillDefaults(parse(short));

it.each(defaults(projectSchema))('%s is filled in where it is not written', (path, value) => {
  const written = valuesAt(parse(short), path.split('.')).filter((given) => given !== undefined);
  const found = valuesAt(filled, path.split('.'));
  if (found.length > written.length) for (const one of found) expect([value, ...written]).toContainEqual(one);
});

it('a file with every default written is the same project', () => {
  expect(project(JSON.stringify(filled))).toEqual(project(short));
});

it('leaves out blocks that need a key, keeps what was written, and does not touch what does not fit', () => {
  expect(filled).toMatchObject({ monitoring: { input: { features: { income: { psi: 0.3, ignore: false } } } } });
  expect(filled).not.toHaveProperty('replay.shift');
  expect(fillDefaults({ training: 7, features: { a: null }, data: { columns: 'x' }, other: [1] })).toMatchObject({
    training: 7,
    features: { a: null },
    data: { columns: 'x', sources: {} },
    other: [1],
  });
  expect(fillDefaults(JSON.parse('{"__proto__": {"polluted": 1}}'))).not.toHaveProperty('polluted');
  expect(fillDefaults(null)).toBeNull();
});

it('adds what follows from another key', () => {
  expect(project(short)).toMatchObject({
    scope: { problem: 'loans' },
    training: { workers: 1 },
    model: { hidden: [64, 32] },
  });
  const changed = project(`${short}scope: { resources: { workers: 3 } }\nmodel: { kind: logistic }\n`);
  expect(changed).toMatchObject({ training: { workers: 3 }, model: { hidden: [] } });
});
