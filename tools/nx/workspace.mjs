// What nx knows of this repository, read off the tree: no project.json, no list kept by hand. Every folder below libs,
// services, apps, tools and test that holds code is a project; bench, proto and what is left at the root are one each.
// Targets come from what lies there: a tsconfig.json → typecheck, *.spec.ts → test, *.int-spec.ts → integration (real
// brokers and processes, beside other suites), *.e2e-spec.ts → e2e (a whole platform, alone on the machine).
//
// Dependencies are the references of references.mjs; test/tidy holds them against its own reading of the imports.
// Everything runs by nx:run-commands; nx' language plugins lag behind nx and are not used.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AREAS, isCode, references, rootOf, SINGLE } from './references.mjs';

/**
 * Set by `npm test`: the file that takes the outcome of each task. Not MILLRACE_…: what tests start would refuse the
 * name.
 */
const OUTCOMES = 'NX_TASK_OUTCOMES';

export function nameOf(root) {
  const [area, name] = root.split('/');
  if (area === '.') return 'repository';
  if (name === undefined) return area;
  if (area === 'libs') return `lib-${name}`;
  return area === 'services' || area === 'apps' ? name : `${area}-${name}`;
}

const JEST = 'node --no-warnings=ExperimentalWarning --experimental-vm-modules node_modules/jest/bin/jest.js';

/**
 * One jest run over the files of a part whose names end so. Its report in JSON is an output: a cached run counts too.
 */
function jest(root, target, ending) {
  const report = `dist/test-results/${nameOf(root)}-${target}.json`;
  return {
    command: `mkdir -p dist/test-results && ${JEST} -i --forceExit --roots ${root} --testMatch '**/*.${ending}.ts' --json --outputFile=${report}`,
    outputs: [`{workspaceRoot}/${report}`],
  };
}

/** What lies at the root beside the areas and is named in a string of the part's code: its tests read it. */
function namedAtRoot(texts, atRoot) {
  const isNamed = ({ name }) => {
    const pattern = new RegExp(`['"\`/]${name.replaceAll('.', '\\.')}['"\`/]`);
    return texts.some((text) => pattern.test(text));
  };
  return atRoot.filter(isNamed).map((entry) => `{workspaceRoot}/${entry.name}${entry.isDirectory() ? '/**/*' : ''}`);
}

/** Everything that the files of a part import, through other parts too. */
function importClosure(root, imports, found = new Set()) {
  for (const next of imports.get(root) ?? [])
    if (!found.has(next)) {
      found.add(next);
      importClosure(next, imports, found);
    }
  return found;
}

function targetsOf(root, files, { imports, atRoot, workspaceRoot }) {
  if (root === 'proto') {
    const against = 'libs/contracts/golden/wire.binpb';
    return {
      lint: { command: 'buf lint' },
      breaking: {
        command: `buf breaking --against ${against}`,
        cache: true,
        inputs: [
          'default',
          '{workspaceRoot}/buf.yaml',
          `{workspaceRoot}/${against}`,
          '{workspaceRoot}/package-lock.json',
        ],
      },
    };
  }
  if (root === '.') {
    const own = atRoot.filter((entry) =>
      entry.isDirectory() ? entry.name !== 'proto' : /\.(json|mjs)$/.test(entry.name),
    );
    return { lint: { command: `biome check --no-errors-on-unmatched ${own.map((entry) => entry.name).join(' ')}` } };
  }
  const targets = { lint: { command: `biome check ${root}` } };
  const has = (ending) => files.some((file) => file.endsWith(ending));
  const texts = files.filter(isCode).map((file) => readFileSync(join(workspaceRoot, file), 'utf8'));
  // By import only: what a test merely starts must not make the pure specs of its part run again.
  const projects = [...importClosure(root, imports)].map(nameOf);
  const inputs = ['default', 'shared', ...(projects.length > 0 ? [{ input: 'production', projects }] : [])];
  if (has('/tsconfig.json')) targets.typecheck = { command: `tsc --noEmit -p ${root}/tsconfig.json`, inputs };
  const read = root === 'test/tidy' ? ['{workspaceRoot}/**/*'] : namedAtRoot(texts, atRoot);
  if (has('.spec.ts')) targets.test = { ...jest(root, 'test', 'spec'), inputs: [...inputs, ...read] };
  // What starts brokers, services or browsers is run, never remembered, and alone in its run of nx: its bounds of time
  // hold while something else uses a core, not while two others do.
  if (has('.int-spec.ts')) targets.integration = { ...jest(root, 'integration', 'int-spec'), parallelism: false };
  if (has('.e2e-spec.ts')) targets.e2e = { ...jest(root, 'e2e', 'e2e-spec'), parallelism: false };
  return targets;
}

export const name = 'millrace-workspace';

export const createNodes = [
  `{${[...AREAS, ...SINGLE].join(',')}}/**/*.{ts,mts,mjs,js,json,proto}`,
  (files, _, { workspaceRoot }) => {
    const byRoot = new Map([['.', []]]);
    for (const file of files) {
      const root = rootOf(file);
      if (!byRoot.has(root)) byRoot.set(root, []);
      byRoot.get(root).push(file);
    }
    const imports = new Map();
    for (const { file, to, by } of references(workspaceRoot, files, [...byRoot.keys()])) {
      if (by !== 'import') continue;
      const from = rootOf(file);
      if (!imports.has(from)) imports.set(from, new Set());
      imports.get(from).add(to);
    }
    const elsewhere = new Set([...AREAS, 'bench', 'dist', 'node_modules']);
    const atRoot = readdirSync(workspaceRoot, { withFileTypes: true }).filter(
      (entry) => !elsewhere.has(entry.name) && !entry.name.startsWith('.'),
    );
    return [...byRoot].map(([root, own]) => {
      const targets = targetsOf(root, own, { imports, atRoot, workspaceRoot });
      const project = { name: nameOf(root), tags: [`area:${root.split('/')[0]}`], targets };
      return [own[0] ?? 'package.json', { projects: { [root]: project } }];
    });
  },
];

export function createDependencies(_, { projects, filesToProcess, workspaceRoot }) {
  const files = Object.values(filesToProcess.projectFileMap).flatMap((entries) => entries.map(({ file }) => file));
  const roots = Object.values(projects).map(({ root }) => root);
  return references(workspaceRoot, files, roots).map(({ file, to }) => ({
    source: nameOf(rootOf(file)),
    target: nameOf(to),
    sourceFile: file,
    type: 'static',
  }));
}

export function postTasksExecution(_, { taskResults }) {
  const file = process.env[OUTCOMES];
  if (file === undefined) return;
  const outcomes = Object.entries(taskResults).map(([id, { status }]) => [id, status]);
  writeFileSync(file, JSON.stringify(Object.fromEntries(outcomes)));
}
