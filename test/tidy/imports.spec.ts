// The import rule of docs/ARCHITECTURE.md, file by file.

import { describe, expect, it } from '@jest/globals';
import {
  COMMAND_PACKAGES,
  EDGE_LIB_PACKAGES,
  EDGE_PACKAGES,
  IMPORT_EXCEPTIONS,
  PURE_LIB_PACKAGES,
  PURE_LIBS,
} from './rules.js';
import { byPath, type ImportSite, isSpec, type SourceFile, sources, unitOf } from './sources.js';

const TEST_PACKAGES = ['@jest/globals', 'fast-check', '@nestjs/testing', '@millrace/testing'];

function matches(specifier: string, allowed: readonly string[]): boolean {
  return allowed.some((entry) =>
    entry.endsWith('/') || entry.endsWith(':')
      ? specifier.startsWith(entry)
      : specifier === entry || specifier.startsWith(`${entry}/`),
  );
}

function edgeOf(path: string): string | undefined {
  const name = path.split('/').pop() as string;
  const parts = name.replace(/\.(spec|int-spec|e2e-spec)\.ts$/, '.ts').split('.');
  // thing.kafka.ts has three parts; thing.v2.grpc.ts too many, the last before .ts counts.
  return parts.length >= 3 ? parts[parts.length - 2] : undefined;
}

/** Why this import is wrong; undefined = it is right. */
function fault(file: SourceFile, site: ImportSite): string | undefined {
  const { path } = file;
  const { specifier, target } = site;
  const unit = unitOf(path);
  const spec = isSpec(path) || /\/test\//.test(path) || unit === 'test';
  const exception = IMPORT_EXCEPTIONS[path];
  if (exception !== undefined && matches(specifier, exception.packages)) return undefined;
  if (specifier === '@millrace/testing' && !spec && unit !== 'bench' && unit !== 'libs/testing')
    return 'libs/testing is for tests';
  if (specifier.startsWith('@millrace/') && specifier.split('/').length > 2) return 'deep import past a lib';
  if (target !== undefined && specifier.startsWith('.')) {
    const other = unitOf(target);
    if (other !== unit) return `reaches into ${other}`;
  }
  if (spec && (matches(specifier, TEST_PACKAGES) || specifier.startsWith('node:'))) return undefined;
  if (unit === 'bench' || unit === 'test')
    return specifier.startsWith('@millrace/') || !specifier.startsWith('services/')
      ? undefined
      : 'services run as processes';

  const [area, name] = unit.split('/') as [string, string];
  if (area === 'libs') return libFault(name, site);
  return serviceFault(file, site, spec);
}

function libFault(name: string, { specifier, target }: ImportSite): string | undefined {
  if (specifier.startsWith('.')) return undefined;
  if (PURE_LIBS.has(name)) {
    if (matches(specifier, PURE_LIB_PACKAGES[name] ?? [])) return undefined;
    if (target !== undefined && PURE_LIBS.has(specifier.slice('@millrace/'.length)) && name !== 'domain')
      return undefined;
    return 'a pure lib imports libs/domain and pure libs only';
  }
  if (target !== undefined || specifier.startsWith('node:')) return undefined;
  return matches(specifier, EDGE_LIB_PACKAGES[name] ?? [])
    ? undefined
    : `libs/${name} has no business with ${specifier}`;
}

/** Libs that a pure file of a service may use; of contracts, the domain types, topic names and keys. */
function isPureLib(specifier: string): boolean {
  const lib = specifier.slice('@millrace/'.length);
  return PURE_LIBS.has(lib);
}

const PURE_CONTRACTS = new Set(['TOPICS', 'topicName', 'messageKey']);

function contractsNames(text: string): string[] {
  const names: string[] = [];
  for (const match of text.matchAll(/import\s+(type\s+)?\{([^}]*)\}\s+from\s+'@millrace\/contracts'/g)) {
    if (match[1] !== undefined) continue;
    for (const part of (match[2] as string).split(',')) {
      const name = part.trim();
      if (name !== '' && !name.startsWith('type ')) names.push(name.split(' as ')[0] as string);
    }
  }
  return names;
}

function serviceFault(file: SourceFile, site: ImportSite, spec: boolean): string | undefined {
  const { specifier, target, typeOnly } = site;
  const name = file.path.split('/').pop() as string;
  if (spec || name === 'app.module.ts' || name.endsWith('.module.ts')) return undefined;
  // A command of the terminal is wiring, as a module is: it reads arguments, and puts edges and logic together.
  if (file.path.startsWith('apps/') && (name === 'main.ts' || file.path.includes('/src/commands/')))
    return target !== undefined || matches(specifier, COMMAND_PACKAGES)
      ? undefined
      : `a command does not import ${specifier}`;
  if (name === 'main.ts' || name.endsWith('.main.ts'))
    return specifier.startsWith('.') ||
      specifier.startsWith('@millrace/') ||
      specifier === 'reflect-metadata' ||
      specifier.startsWith('node:')
      ? undefined
      : 'main.ts imports module, config and libs';
  if (name === 'config.ts' || file.path === 'apps/cli/src/settings.ts')
    return specifier === '@millrace/config' ||
      (target !== undefined && (isPureLib(specifier) || specifier.startsWith('.')))
      ? undefined
      : 'config.ts imports libs/config and pure libs';
  const edge = edgeOf(file.path);
  if (edge !== undefined && edge in EDGE_PACKAGES) {
    if (target !== undefined) return undefined;
    return matches(specifier, EDGE_PACKAGES[edge] as readonly string[])
      ? undefined
      : `a .${edge}.ts file does not import ${specifier}`;
  }
  // A pure file.
  if (specifier.startsWith('.')) {
    const otherEdge = edgeOf(target as string);
    if (otherEdge !== undefined && otherEdge in EDGE_PACKAGES && !typeOnly) return 'a pure file imports an edge file';
    return undefined;
  }
  if (target === undefined) return 'a pure file imports no package';
  if (isPureLib(specifier)) return undefined;
  if (specifier === '@millrace/contracts') {
    const wrong = contractsNames(file.text).filter(
      (imported) => !PURE_CONTRACTS.has(imported) && !/^[A-Z][A-Z0-9_]*$/.test(imported),
    );
    return wrong.length === 0 ? undefined : `a pure file uses ${wrong.join(', ')} of contracts; codecs belong to edges`;
  }
  return typeOnly ? undefined : `a pure file imports ${specifier}`;
}

describe('imports', () => {
  it('found the sources', () => {
    expect(sources.length).toBeGreaterThan(100);
  });

  it('follow the import rule', () => {
    const faults = sources.flatMap((file) =>
      file.imports
        .map((site) => [site, fault(file, site)] as const)
        .flatMap(([site, why]) => (why === undefined ? [] : [`${file.path}: ${site.specifier}: ${why}`])),
    );
    expect(faults).toEqual([]);
  });

  it('point at files that exist', () => {
    const faults = sources.flatMap((file) =>
      file.imports
        .filter((site) => site.target?.endsWith('.ts') && !site.target.includes('/gen/') && !byPath.has(site.target))
        .map((site) => `${file.path}: ${site.specifier}`),
    );
    expect(faults).toEqual([]);
  });

  it('stay behind a lib’s index and are named', () => {
    expect(sources.filter((file) => file.exportsAll).map((file) => file.path)).toEqual([]);
  });

  it('make no cycles', () => {
    expect(cycles()).toEqual([]);
  });

  it('make no cycles between the subjects of a service or an app, or between libs', () => {
    expect([...groupCycles()]).toEqual([]);
  });

  it('every exception is still needed', () => {
    const unused = Object.entries(IMPORT_EXCEPTIONS).filter(
      ([path, { packages }]) => !byPath.get(path)?.imports.some((site) => matches(site.specifier, packages)),
    );
    expect(unused.map(([path]) => path)).toEqual([]);
  });
});

/** Cycles of imports between files; types count, for a reader follows them too. */
function cycles(): string[] {
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (path: string, trail: string[]): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
      return;
    }
    state.set(path, 'open');
    for (const site of byPath.get(path)?.imports ?? [])
      if (site.target !== undefined && byPath.has(site.target)) visit(site.target, [...trail, path]);
    state.set(path, 'done');
  };
  for (const { path } of sources) visit(path, []);
  return found;
}

/** "services/x/src/<subject>", its edges too; libs as a whole. */
function groupOf(path: string): string | undefined {
  // A module wires subjects together, it belongs to none.
  if (isSpec(path) || path.includes('/test/') || path.endsWith('.module.ts')) return undefined;
  const parts = path.split('/');
  if (parts[0] === 'libs') return `libs/${parts[1]}`;
  if (!['services', 'apps'].includes(parts[0] as string) || parts.length < 5) return undefined;
  return parts.slice(0, 4).join('/');
}

function groupCycles(): Set<string> {
  const edges = new Map<string, Set<string>>();
  for (const file of sources) {
    const from = groupOf(file.path);
    if (from === undefined) continue;
    for (const site of file.imports) {
      const to = site.target === undefined ? undefined : groupOf(site.target);
      if (to === undefined || to === from) continue;
      let targets = edges.get(from);
      if (targets === undefined) {
        targets = new Set();
        edges.set(from, targets);
      }
      targets.add(to);
    }
  }
  const reach = (from: string, goal: string, seen = new Set<string>()): boolean => {
    for (const next of edges.get(from) ?? []) {
      if (next === goal) return true;
      if (!seen.has(next)) {
        seen.add(next);
        if (reach(next, goal, seen)) return true;
      }
    }
    return false;
  };
  return new Set([...edges.keys()].filter((group) => reach(group, group)));
}
