// nx must know what each project is made of, or `nx affected` skips tests that should run. The imports say it; project.json
// repeats it as implicitDependencies, because nx' own import analysis is a plugin that lags behind nx.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PURE_LIBS } from './rules.js';
import { read, root, sources, unitOf } from './sources.js';

interface ProjectFile {
  name: string;
  tags: string[];
  implicitDependencies?: string[];
  targets: Record<string, unknown>;
}

const units = [
  ...['libs', 'services', 'apps'].flatMap((area) => readdirSync(join(root, area)).map((name) => `${area}/${name}`)),
  'test',
  'bench',
];

const nameOf = (unit: string): string =>
  unit.startsWith('libs/') ? `lib-${unit.slice(5)}` : unit === 'test' ? 'tests' : (unit.split('/').pop() as string);

function typeOf(unit: string): string {
  const [area, name] = unit.split('/') as [string, string | undefined];
  if (area === 'libs') return PURE_LIBS.has(name as string) ? 'type:pure' : 'type:edge';
  return { services: 'type:service', apps: 'type:app', test: 'type:test', bench: 'type:test' }[area] as string;
}

describe.each(units)('%s', (unit) => {
  const file = `${unit}/project.json`;

  it('is an nx project with its tags', () => {
    expect(existsSync(join(root, file))).toBe(true);
    const project = JSON.parse(read(file)) as ProjectFile;
    expect(project.name).toBe(nameOf(unit));
    expect(project.tags).toContain(typeOf(unit));
    expect(Object.keys(project.targets)).toContain('lint');
  });

  it('names what it imports', () => {
    const imported = new Set<string>();
    for (const source of sources)
      if (unitOf(source.path) === unit)
        for (const { target } of source.imports)
          if (target !== undefined && unitOf(target) !== unit) imported.add(nameOf(unitOf(target)));
    const project = JSON.parse(read(file)) as ProjectFile;
    const missing = [...imported].filter((name) => !(project.implicitDependencies ?? []).includes(name)).sort();
    expect(missing).toEqual([]);
  });
});
