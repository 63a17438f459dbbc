// README's first hour, docs/quickstart.md and docs/own-model.md, literally: every line of their shell blocks in the
// order of the page, by the shell, in a folder that looks like the clone; what a page shows as output comes, line by
// line, '…' standing for anything.

import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemClock, timeOf } from '@millrace/domain';
import { type CodeBlock, codeBlocks } from '@millrace/testing';
import { Platform, REPOSITORY, until } from './support/platform.process.js';

const READY_WITHIN_MS = 300_000;
/**
 * Of one block. A training takes its steps as fast as the machine lets it: minutes on one that does other things too.
 */
const BLOCK_WITHIN_MS = 600_000;
const UP = 'npx millrace up';
/** Made by a run, or not wanted in it. */
const LEFT_OUT = new Set(['.git', '.millrace', 'project.yaml']);

const README_HEADING = 'From a file to a served model';
const readme = blocksOf('README.md').filter(({ heading }) => heading === README_HEADING);
const quickstart = blocksOf('docs/quickstart.md');

function blocksOf(path: string): CodeBlock[] {
  return codeBlocks(path, readFileSync(join(REPOSITORY, path), 'utf8')).filter(({ notRun }) => notRun === undefined);
}

let platform: Platform;
let up: ReturnType<Platform['spawn']>;
const folders: string[] = [];
/** The folder that a page's lines were run in. */
const pages = new Map<string, string>();

/** What the pages write stays out of the clone. */
function likeTheClone(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-quickstart-'));
  for (const name of readdirSync(REPOSITORY)) {
    if (!LEFT_OUT.has(name)) symlinkSync(join(REPOSITORY, name), join(folder, name));
  }
  folders.push(folder);
  return folder;
}

function isCommand({ language, text }: CodeBlock): boolean {
  return language === 'sh' && !text.startsWith(UP);
}

beforeAll(async () => {
  platform = await Platform.create();
  up = platform.inGroupOfItsOwn(['bash', '-c', `exec ${UP}`]);
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => up.output(),
    up,
  );
}, 2 * READY_WITHIN_MS);

afterAll(async () => {
  up?.child.kill('SIGTERM');
  await up?.finished;
  platform?.remove();
  for (const folder of folders) rmSync(folder, { recursive: true });
}, 60_000);

it('the platform tells the next command as it was itself typed', () =>
  expect(up.output()).toContain('Next, in another terminal: npx millrace new FILE'));

describe.each([
  ['README.md', readme],
  ['docs/quickstart.md', quickstart],
  ['docs/own-model.md', blocksOf('docs/own-model.md')],
])('%s', (page, blocks) => {
  const folder = likeTheClone();
  pages.set(page, folder);

  it('begins with the platform in a terminal of its own', () => {
    expect(blocks[0]).toMatchObject({ language: 'sh', text: expect.stringMatching(/^npx millrace up\b[^\n]*$/) });
    expect(blocks.filter(isCommand).length).toBeGreaterThan(0);
  });

  it.each(blocks.flatMap((block, i) => (isCommand(block) ? [[block.line, block, blocks[i + 1]] as const] : [])))(
    'line %d does what it says',
    async (_line, { text }, shown) => {
      const run = platform.inGroupOfItsOwn(['bash', '-c', `cd "$0" && set -e\n${text}`, folder]);
      const { code, output } = await run.finished;
      if (code !== 0) throw new Error(`exit code ${code}:\n${output}\n${platform.logs(5)}`);
      if (shown?.language === 'text') expectShown(output, shown.text);
    },
    BLOCK_WITHIN_MS,
  );
});

interface Window {
  startMs: number;
  cohorts: { predictions: number; tests: { feature: string; alarm: boolean }[] }[];
}
/** Or a half, where a minute ends between. */
const isOfFile = ({ predictions }: Window['cohorts'][number]) => predictions >= 300;

describe('docs/quickstart.md, windows in minutes', () => {
  const run = async (line: string, folder: string) => {
    const { code, output } = await platform.inGroupOfItsOwn(['bash', '-c', `cd "$0" && ${line}`, folder]).finished;
    if (code !== 0) throw new Error(`${line}: exit code ${code}:\n${output}`);
    return output;
  };

  it(
    'are calm for rows like the others, ring for others, and the loop waits for minutes',
    async () => {
      const [yaml] = quickstart.filter(({ language }) => language === 'yaml');
      const folder = pages.get('docs/quickstart.md') as string;
      const file = join(folder, 'project.yaml');
      const said = readFileSync(file, 'utf8').replace(/versionEvery: \w+/, 'versionEvery: 1m');
      writeFileSync(file, said.replace(/^monitoring:[\s\S]*/m, `${yaml?.text}\n`));
      await run('npx millrace apply project.yaml', folder);
      const windows = async (): Promise<Window[]> =>
        JSON.parse(await run('npx millrace --json drift strikes 2>/dev/null', folder));
      /** Of the window in which the file's rows are, which closes when answers come after it. */
      const alarmsOf = async (name: string) => {
        const before = new Set((await windows()).map(({ startMs }) => startMs));
        await run(`npx millrace predict strikes --input ${name} --output scored.csv`, folder);
        for (;;) {
          await run(`npx millrace predict strikes --row '{"Wildlife Size":"Small"}'`, folder);
          const isNew = ({ startMs, cohorts }: Window) => !before.has(startMs) && cohorts.some(isOfFile);
          const found = (await windows()).find(isNew);
          if (found !== undefined) return found.cohorts.flatMap(({ tests }) => tests.filter(({ alarm }) => alarm));
          // So few rows besides change nothing in a window of the file's.
          await pause(3_000);
        }
      };
      expect(await alarmsOf('some.csv')).toEqual([]);
      expect(await alarmsOf('other.csv')).toContainEqual(expect.objectContaining({ feature: 'Wildlife Size' }));
      const told = await run('npx millrace loop strikes', folder);
      expect(told).toContain('waits for a dataset version');
      const untilMs = timeOf(/has come to (\S+)/.exec(told)?.[1]);
      expect(untilMs - systemClock.nowMs()).toBeLessThan(10 * 60_000);
    },
    BLOCK_WITHIN_MS,
  );
});

/** Each line of `shown` is a line of the output, in this order. */
function expectShown(output: string, shown: string): void {
  const lines = output.split('\n').map((line) => line.trimEnd());
  let from = 0;
  for (const line of shown.split('\n')) {
    const wanted = new RegExp(`^${line.trimEnd().split('…').map(escaped).join('.*')}$`);
    const at = lines.findIndex((one, i) => i >= from && wanted.test(one));
    if (at < 0) throw new Error(`the page shows\n${line}\nand this came:\n${output}`);
    from = at + 1;
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
