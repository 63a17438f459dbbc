// The ban table, dead files, file names and sizes, titles of documents.

import { describe, expect, it } from '@jest/globals';
import { BANS, BANS_FOR_SPECS, CATCH_ALL_EXCEPTIONS, CATCH_ALL_NAMES, ENTRY_POINTS } from './rules.js';
import { documents, isSpec, read, type SourceFile, sources } from './sources.js';

/** The terminal is this program's own output. */
const TERMINAL = /^apps\/cli\/src\//;
const TABLE = 'test/tidy/rules.ts';

function isTestCode(path: string): boolean {
  return isSpec(path) || /\/test\//.test(path) || path.startsWith('test/') || path.startsWith('libs/testing/');
}

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
      const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : '';
      for (const match of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)) {
        const target = match[1] as string;
        if (!exists(target.startsWith('/') ? target.slice(1) : folder + target)) faults.push(`${path}: ${target}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

function exists(path: string): boolean {
  try {
    read(path);
    return true;
  } catch (error) {
    // A link to a folder is fine.
    return (error as NodeJS.ErrnoException).code === 'EISDIR';
  }
}
