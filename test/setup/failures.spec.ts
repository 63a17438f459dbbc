// What the end of a run tells of each failure, from a report that jest itself has written.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

let failuresOf: (report: unknown) => string[];
let folder: string;

beforeAll(async () => {
  ({ failuresOf } = await import(pathToFileURL(resolve('tools/setup/suites.mjs')).href));
  folder = mkdtempSync(join(tmpdir(), 'millrace-failures-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function reportOf(specs: Readonly<Record<string, string>>): unknown {
  for (const [name, text] of Object.entries(specs)) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'package.json'), '{"jest": {"transform": {}}}');
  const jest = resolve('node_modules/jest/bin/jest.js');
  spawnSync(process.execPath, [jest, '-i', '--json', '--outputFile=report.json'], { cwd: folder });
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
}

describe('failures', () => {
  it('names each failed test with its file and the reason, and a file that does not load', () => {
    const failures = failuresOf(
      reportOf({
        'sums.spec.js':
          "describe('sums', () => { it('adds', () => expect(1 + 1).toBe(3)); it('holds', () => expect(1).toBe(1)); });",
        'broken.spec.js': "throw new Error('no such place');",
      }),
    );
    const [broken, sums] = [...failures].sort();
    expect(failures).toHaveLength(2);
    expect(broken).toMatch(/broken\.spec\.js\n[\s\S]*no such place/);
    expect(sums).toMatch(/sums\.spec\.js: sums adds\n[\s\S]*Expected: .*3/);
  });

  it('tells the end of a long reason, too', () => {
    const lines = "Array.from({ length: 300 }, (_, i) => 'line ' + i)";
    const [failure] = failuresOf(
      reportOf({ 'long.spec.js': `it('waits', () => { throw new Error(${lines}.join('\\n')); });` }),
    ).filter((told) => told.includes('long.spec.js'));
    expect(failure).toMatch(/line 3\n[\s\S]*…\n[\s\S]*line 299\n/);
    expect(failure).not.toContain('line 150');
  });
});
