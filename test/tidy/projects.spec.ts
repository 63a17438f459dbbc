// nx must know what each part is made of, or `nx affected` and its cache skip what should run. tools/nx reads projects,
// targets and references off the tree; here they are held against this folder's own reading of it.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isSpec, root, sources } from './sources.js';

interface Project {
  name: string;
  data: { root: string; targets: Record<string, { command?: string; options?: { command?: string } }> };
}

const scratch = mkdtempSync(join(tmpdir(), 'millrace-graph-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function graphOfNx(): { nodes: Record<string, Project>; dependencies: Record<string, { target: string }[]> } {
  const file = join(scratch, 'graph.json');
  const nx = join(root, 'node_modules/nx/dist/bin/nx.js');
  execFileSync(process.execPath, [nx, 'graph', `--file=${file}`], { cwd: root, stdio: 'ignore' });
  return JSON.parse(readFileSync(file, 'utf8')).graph;
}

const { nodes, dependencies } = graphOfNx();
const byRoot = new Map(Object.values(nodes).map(({ name, data }) => [data.root, { name, ...data }]));

/** "libs/kafka", "test/tidy", "bench". */
const partOf = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('bench/') ? 1 : 2)
    .join('/');
const parts = [...new Set(sources.map(({ path }) => partOf(path)))].sort();

const TARGETS = { 'spec.ts': 'test', 'int-spec.ts': 'integration', 'e2e-spec.ts': 'e2e' };

describe.each(parts)('%s', (part) => {
  const own = sources.filter(({ path }) => partOf(path) === part);
  const project = byRoot.get(part);

  it('is an nx project that is linted and typechecked', () => {
    expect(Object.keys(project?.targets ?? {})).toEqual(expect.arrayContaining(['lint', 'typecheck']));
  });

  it.each(Object.entries(TARGETS))('has a target for its *.%s, and only then', (ending, target) => {
    expect(project?.targets[target] !== undefined).toBe(own.some(({ path }) => path.endsWith(`.${ending}`)));
  });

  it('depends on what it imports', () => {
    const imported = own
      .flatMap(({ imports }) => imports.map(({ target }) => target))
      .filter((target) => target !== undefined);
    const wanted = new Set(imported.map(partOf).filter((other) => other !== part));
    const known = new Set((dependencies[project?.name ?? ''] ?? []).map(({ target }) => nodes[target]?.data.root));
    expect([...wanted].filter((other) => !known.has(other)).sort()).toEqual([]);
  });
});

describe('the workspace', () => {
  it('leaves no list to keep by hand', () => {
    const listed = [...byRoot.keys()].filter((folder) => existsSync(join(root, folder, 'project.json')));
    expect(listed).toEqual([]);
  });

  it('has no suite at the root of test/ or in a folder that no target reaches', () => {
    const reached = new Set(byRoot.keys());
    expect(sources.filter(({ path }) => isSpec(path) && !reached.has(partOf(path))).map(({ path }) => path)).toEqual(
      [],
    );
    expect(readdirSync(join(root, 'test')).filter((name) => name.includes('spec'))).toEqual([]);
  });

  it('lets a test of another part that it starts count as a dependency', () => {
    // services/trainer/test/browser.int-spec.ts starts dist/services/serving; no import says so.
    expect(dependencies.trainer?.map(({ target }) => target)).toContain('serving');
    expect(dependencies['test-e2e']?.map(({ target }) => target)).toContain('cli');
  });
});
