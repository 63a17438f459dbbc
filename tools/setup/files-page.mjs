// docs/files.md: each source file with its head, so that what a file decides can be found without opening it. Made from the files alone; test/tidy holds the page against them.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FOLDERS = ['libs', 'services', 'apps', 'tools', 'bench', 'test', 'proto'];
const SOURCE = /\.(ts|mjs|js|css|proto|py)$/;
/** Names of exports say nothing that the files behind them do not. */
const PASSED_ON = /(^|\/)index\.ts$/;
const SPEC = /\.(spec|int-spec|e2e-spec)\.ts$/;

/** The comment that a file begins with, as one line; '' where there is none. */
function headOf(text) {
  const lines = text.replace(/^#!.*\n/, '').split('\n');
  const first = lines.findIndex((line) => line.trim() !== '' && !line.startsWith('"use'));
  const head = [];
  const block = lines[first]?.startsWith('/*');
  const doc = lines[first]?.startsWith('"""');
  for (const line of lines.slice(first)) {
    if (block || doc) {
      head.push(line.replace(/^\s*(\/\*+|\*\/|\*(?!\/)|""")\s?/, '').replace(/\s*(\*\/|""")\s*$/, ''));
      if (/\*\/\s*$/.test(line) || (doc && head.length > 1 && line.includes('"""')) || /^""".+"""/.test(line)) break;
    } else if (/^(\/\/|#)/.test(line)) head.push(line.replace(/^(\/\/|#)\s?/, ''));
    else break;
    // A list or a drawing below the first paragraph.
    if (head.at(-1).trim() === '' && head.length > 1) break;
  }
  return head.join(' ').replace(/\s+/g, ' ').trim();
}

/** A head longer than this is cut behind a sentence. */
const HEAD_CHARACTERS_MAX = 400;

function shown(head) {
  const sentences = head.split(/(?<=[.:])\s+(?=[A-Z`"'(])/);
  let text = sentences.shift() ?? '';
  for (const sentence of sentences) {
    if (text.length + sentence.length > HEAD_CHARACTERS_MAX) break;
    text += ` ${sentence}`;
  }
  return text.replaceAll('|', '\\|');
}

/** The page, as it has to be in docs/files.md. */
export function filesPage(root) {
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...FOLDERS], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const byFolder = new Map();
  for (const path of tracked.trim().split('\n').sort()) {
    if (!SOURCE.test(path) || PASSED_ON.test(path) || SPEC.test(path) || !existsSync(join(root, path))) continue;
    const head = shown(headOf(readFileSync(join(root, path), 'utf8')));
    if (head === '') continue;
    const folder = dirname(path);
    byFolder.set(folder, [...(byFolder.get(folder) ?? []), `| \`${path.slice(folder.length + 1)}\` | ${head} |`]);
  }
  const sections = [...byFolder].map(([folder, rows]) => `## ${folder}\n\n| file | |\n|---|---|\n${rows.join('\n')}`);
  return (
    [
      '# Files',
      'What each source file says of itself, folder by folder. Written by `npm run files`; who has a question and no file yet\n' +
        'begins at the [map of the house](map.md).',
      ...sections,
    ].join('\n\n') + '\n'
  );
}
