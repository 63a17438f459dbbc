// Every code block of README.md and docs is checked by something that would notice if it were wrong, or says why it is
// not run: project files and JSON are read, modules are called, lines of a shell name scripts, targets and calls that
// there are. What follows `millrace` is held against the command line in apps/cli/src/commands/code-blocks.spec.ts;
// README's first hour, docs/quickstart.md and docs/own-model.md are run in test/e2e/quickstart.int-spec.ts.

import { describe, expect, it } from '@jest/globals';
import * as apis from '@millrace/api';
import { PORTS } from '@millrace/deployment';
import { parseProject, projectSchema } from '@millrace/project';
import { type CodeBlock, codeBlocks, shellCommands, shellWords } from '@millrace/testing';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { documents, read } from './sources.js';

/** Why a block may stand in a document that nothing runs. */
const REASONS = ['cluster', 'GPU', 'container', 'a broker of your own', 'a server of your own'];
/** A text that is no command shows a figure, a layout, or what a command prints. */
const COMMAND = /^\s*(\$ |npx |npm |millrace |curl |docker |kubectl |python3? )/m;

const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const targets = read('tools/nx/workspace.mjs');
const v1Calls = Object.values(apis).flatMap((api) =>
  typeof api === 'object' && api !== null && 'endpoints' in api ? Object.values(api.endpoints as object) : [],
) as { method: string; path: string }[];

const blocks = documents
  .filter((path) => path === 'README.md' || path.startsWith('docs/'))
  .flatMap((path) => codeBlocks(path, read(path)));

const ajv = new Ajv({ strict: false });

/** A whole project, or some of its keys. */
function yamlFault(text: string): string | undefined {
  const value = parse(text) as Record<string, unknown>;
  if ('name' in value) {
    const parsed = parseProject(text, 'project.yaml');
    return parsed.kind === 'ok' ? undefined : JSON.stringify(parsed.faults);
  }
  const known = projectSchema.properties as Record<string, object>;
  for (const [key, part] of Object.entries(value)) {
    if (known[key] === undefined) return `a project file has no ${key}`;
    if (!ajv.validate(known[key], part)) return `${key}: ${ajv.errorsText()}`;
  }
  return undefined;
}

async function moduleFault(text: string): Promise<string | undefined> {
  const { default: model } = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    default: (terms: object) => { run(inputs: object, call: object): Record<string, { data: Float32Array }> };
  };
  const data = Float32Array.from([1, 3, 5, 7]);
  const answer = model({}).run({ x: { shape: [2, 2], data } }, {});
  return Object.keys(answer).length > 0 ? undefined : 'it answers nothing';
}

function shellFault(text: string): string | undefined {
  for (const command of shellCommands(text)) {
    const words = shellWords(command);
    while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
    const fault = commandFault(words);
    if (fault !== undefined) return `${command}: ${fault}`;
  }
  return undefined;
}

function commandFault([program = '', ...words]: string[]): string | undefined {
  const [first = '', second = ''] = words;
  if (program === 'npx' && first === 'millrace') return undefined;
  if (program === 'npx' && first === 'nx')
    return second === 'affected' || targets.includes(`${second}`) ? undefined : 'no such target';
  if (program === 'npm') return (first === 'run' ? second : first) in scripts ? undefined : 'no such script';
  if (program === 'curl') return curlFault(words);
  // The quickstart's own test runs what makes a file of another.
  return ['mkdir', 'cd', 'cat', 'awk', 'sed'].includes(program)
    ? undefined
    : 'nothing here checks such a command; say why it is not run';
}

function curlFault(words: readonly string[]): string | undefined {
  const method = words[words.indexOf('-X') + 1] ?? '';
  const address = words.find((word) => word.startsWith('localhost:')) ?? '';
  const [, port, path = ''] = /^localhost:(\d+)(\/\S*)$/.exec(address) ?? [];
  if (!Object.values(PORTS).some(({ base }) => base === Number(port))) return `nothing listens on ${port}`;
  const body = words[words.indexOf('-d') + 1] ?? '{}';
  if (words.includes('-d')) JSON.parse(body);
  // V2's own paths and OFREP's are in no document of ours.
  if (/^\/v2(\/(health|models|repository)\/|$)|^\/ofrep\/v1\/evaluate\/flags(\/|$)/.test(path)) return undefined;
  const wanted = words.includes('-X') ? method : words.includes('-d') ? 'POST' : 'GET';
  const isCall = v1Calls.some(
    (call) =>
      call.method.toUpperCase() === wanted && new RegExp(`^${call.path.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path),
  );
  return isCall ? undefined : `no service answers ${wanted} ${path}`;
}

/** A drawing of states, as far as ours go: arrows between states, each said in words. */
function diagramFault(text: string): string | undefined {
  const [kind, ...lines] = text.trimEnd().split('\n');
  if (kind !== 'stateDiagram-v2') return `"${kind}" is no kind of diagram that is checked here`;
  const wrong = lines.find((line) => !/^ {2}(\[\*\]|[a-z_]+) --> [a-z_]+( : [a-z, ]+)?$/.test(line));
  return wrong === undefined ? undefined : `"${wrong}" is no arrow between two states`;
}

async function faultOf({ language, text, notRun }: CodeBlock): Promise<string | undefined> {
  if (notRun !== undefined)
    return REASONS.includes(notRun) ? undefined : `"${notRun}" is none of ${REASONS.join(', ')}`;
  switch (language) {
    case 'yaml':
      return yamlFault(text);
    case 'json':
      JSON.parse(text);
      return undefined;
    case 'ts':
      return moduleFault(text);
    case 'sh':
      return shellFault(text);
    case 'mermaid':
      return diagramFault(text);
    case 'text':
      return COMMAND.test(text) ? 'it holds commands: make it sh' : undefined;
    default:
      return `"${language}" is none of yaml, json, ts, sh, mermaid, text: nothing checks it`;
  }
}

describe('code blocks of README.md and docs', () => {
  it.each(blocks.map((block) => [`${block.document}:${block.line}`, block] as const))('%s', async (_at, block) => {
    expect(await faultOf(block)).toBeUndefined();
  });

  it.each([
    ['an unknown command', 'sh', 'kubectl get pods'],
    ['an unknown script', 'sh', 'npm run nothing'],
    ['an unknown call', 'sh', 'curl localhost:8010/v1/nothing'],
    ['a port of nobody', 'sh', 'curl localhost:1/v1/projects'],
    ['a wrong project file', 'yaml', 'name: x\ndata: {}'],
    ['a wrong part of one', 'yaml', 'serving: { onlineFeature: {} }'],
    ['commands without a language', '', 'npx millrace up'],
    ['commands as text', 'text', 'npx millrace up'],
  ])('would notice %s', async (_what, language, text) => {
    const block = { document: 'x.md', line: 1, language, text, notRun: undefined, heading: '' };
    expect(await faultOf(block)).toBeDefined();
  });
});
