// The ban table, dead files, file names and sizes, titles of documents.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import {
  BANS,
  BANS_FOR_SPECS,
  CATCH_ALL_EXCEPTIONS,
  CATCH_ALL_NAMES,
  COMMENT_COLUMNS_MAX,
  DOCUMENTS_AHEAD,
  ENTRY_POINTS,
  isTestCode,
  README_LINES_MAX,
} from './rules.js';
import { documents, isSpec, read, root, type SourceFile, sources, tracked } from './sources.js';

/** The terminal is this program's own output. */
const TERMINAL = /^apps\/cli\/src\//;
const TABLE = 'test/tidy/rules.ts';

function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

describe('bans', () => {
  for (const ban of BANS) {
    it(`no ${ban.name}: use ${ban.instead}`, () => {
      const faults: string[] = [];
      for (const file of sources) {
        if (file.path === TABLE) continue;
        if (isTestCode(file.path) && !BANS_FOR_SPECS.has(ban.name)) continue;
        if (ban.name === 'a skipped or lonely test' && !isTestCode(file.path)) continue;
        if (ban.name === 'console' && TERMINAL.test(file.path)) continue;
        if (Object.keys(ban.allowed).some((prefix) => file.path.startsWith(prefix))) continue;
        // Unfinished marks are looked for in comments too.
        const text = ban.name === 'an unfinished mark' ? file.text : file.code;
        const match = ban.pattern.exec(text);
        if (match !== null) faults.push(`${file.path}:${lineOf(text, match.index)}: ${match[0]}`);
      }
      expect(faults).toEqual([]);
    });
  }
});

describe('the release', () => {
  it('is that of package.json', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('libs/domain/src/release.ts')).toContain(`RELEASE = '${version}'`);
  });
});

describe('files', () => {
  it('have names that say what is in them', () => {
    const faults = sources
      .map((file) => file.path)
      .filter((path) => CATCH_ALL_NAMES.has(path.split('/').pop() as string) && !(path in CATCH_ALL_EXCEPTIONS));
    expect(faults).toEqual([]);
  });

  it('are kebab-case', () => {
    const faults = sources
      .map((file) => file.path)
      .filter(
        (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*\.ts$/.test(path.split('/').pop() as string),
      );
    expect(faults).toEqual([]);
  });

  it('are imported by something', () => {
    const imported = new Set(sources.flatMap((file) => file.imports.map((site) => site.target)));
    // Worker threads and child processes are started by file name.
    const mentioned = (path: string) => {
      const name = (path.split('/').pop() as string).replace(/\.ts$/, '.js');
      return sources.some((file) => file.path !== path && file.code.includes(name));
    };
    const dead = sources
      .map((file) => file.path)
      .filter(
        (path) =>
          !imported.has(path) && !isSpec(path) && !ENTRY_POINTS.some((entry) => entry.test(path)) && !mentioned(path),
      );
    expect(dead).toEqual([]);
  });

  it('begin with what they are', () => {
    const faults = sources
      .filter((file: SourceFile) => !isSpec(file.path) && !/^(\/\/|\/\*)/.test(file.text))
      .map((file) => file.path);
    // Short files may speak for themselves.
    expect(faults.filter((path) => read(path).split('\n').length > 40)).toEqual([]);
  });

  it('stay below 600 lines', () => {
    expect(sources.filter((file) => file.text.split('\n').length > 600).map((file) => file.path)).toEqual([]);
  });
});

describe('documents', () => {
  it('start with one title', () => {
    const faults = documents.filter((path) => !/^# \S/.test(read(path)));
    expect(faults).toEqual([]);
  });

  it('link to files that exist', () => {
    const faults: string[] = [];
    for (const path of documents) {
      const folder = folderOf(path);
      for (const match of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
        const target = match[1] as string;
        if (!exists(target.startsWith('/') ? target.slice(1) : folder + target)) faults.push(`${path}: ${target}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

/** Parts of the tree at the root, as a document writes paths. */
const AREAS = '(?:apps|bench|deploy|docs|examples|libs|proto|services|test|tools)';
const CODE_PATH = new RegExp(`^${AREAS}/[\\w./{},*<>…-]+$`);

describe('documents and heads of files', () => {
  const settled = documents.filter((path) => !DOCUMENTS_AHEAD.includes(path));

  it('name paths of the tree that are there', () => {
    const faults = settled.flatMap((path) =>
      [...read(path).matchAll(/`([^`\n]+)`/g)]
        .map((match) => (match[1] as string).trim())
        .flatMap((text) => expand(text))
        .filter((text) => CODE_PATH.test(text) && !existsAsPattern(text) && !existsAsPattern(folderOf(path) + text))
        .map((text) => `${path}: ${text}`),
    );
    expect(faults).toEqual([]);
  });

  it('name files by names that are there', () => {
    const names = new Set(tracked.map((path) => path.split('/').pop() as string));
    const faults = settled.flatMap((path) =>
      [...read(path).matchAll(/`((?:[\w-]+\/)*[\w-]+(?:\.[\w-]+)*\.ts)`/g)]
        .map((match) => match[1] as string)
        .filter(
          (text) => !text.startsWith('adding') && !tracked.some((file) => file === text || file.endsWith(`/${text}`)),
        )
        .filter((text) => text.includes('/') || !names.has(text))
        .map((text) => `${path}: ${text}`),
    );
    expect(faults).toEqual([]);
  });

  it('files.md says of each file what its head says: npm run files', async () => {
    const { filesPage } = await import(pathToFileURL(join(root, 'tools/setup/files-page.mjs')).href);
    expect(read('docs/files.md')).toBe(filesPage(root));
  });

  it('comments name files that are there', () => {
    const pattern = /(?<![\w./-])(?:apps|libs|services|test|tools)\/[\w./-]+\.(?:ts|mjs|md)\b/g;
    const faults = sources.flatMap((file) =>
      file.text
        .split('\n')
        .filter((line) => /^\s*(?:\/\/|\/?\*)/.test(line))
        .flatMap((line) => [...line.matchAll(pattern)].map((match) => match[0]))
        .filter((path) => !exists(path))
        .map((path) => `${file.path}: ${path}`),
    );
    expect(faults).toEqual([]);
  });

  it('keep to the width of a line', () => {
    const faults = sources.flatMap((file) =>
      file.text
        .split('\n')
        .flatMap((line, index) =>
          line.length > COMMENT_COLUMNS_MAX && /^\s*(?:\/\/|\/\*\*?|\*) /.test(line)
            ? [`${file.path}:${index + 1}`]
            : [],
        ),
    );
    expect(faults).toEqual([]);
  });
});

describe('libs', () => {
  it.each(readdirSync(join(root, 'libs')))('libs/%s has a README that says what it is', (name) => {
    const path = `libs/${name}/README.md`;
    expect(exists(path)).toBe(true);
    expect(read(path).split('\n').length).toBeLessThanOrEqual(README_LINES_MAX);
  });
});

describe('golden files', () => {
  it('are written by scripts, never by the test that reads them', () => {
    const writes =
      /\b(?:writeFile|writeFileSync|copyFile|copyFileSync|appendFileSync)\(|\.toMatch(?:Inline)?Snapshot\(/;
    const faults = sources
      .filter((file) => isSpec(file.path) && /golden/i.test(file.code) && writes.test(file.code))
      .map((file) => file.path);
    expect(faults).toEqual([]);
  });
});

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** `libs/{a,b}/c` → both. */
function expand(text: string): string[] {
  const match = /^(.*)\{([^{}]+)\}(.*)$/.exec(text);
  if (match === null) return [text];
  const [, before, among, after] = match as unknown as [string, string, string, string];
  return among.split(',').flatMap((one) => expand(`${before}${one}${after}`));
}

/** A path, or one with places to fill in (`<name>`, `*`, `…`): then a file or folder must fit. */
function existsAsPattern(text: string): boolean {
  const path = text.replace(/\/$/, '');
  if (!/[<*…]/.test(path)) return exists(path) || exists(`${path}.ts`);
  const escaped = path.replace(/[.\\+?^$()[\]{}|]/g, '\\$&').replace(/<[^>]*>|\*+|…/g, '[\\w.-]+');
  return tracked.some((file) => new RegExp(`^${escaped}(?:/|$)`).test(file));
}

function exists(path: string): boolean {
  try {
    read(path);
    return true;
  } catch (error) {
    // A link to a folder is fine.
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}
