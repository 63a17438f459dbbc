import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogFile } from './log-file.fs.js';

describe('LogFile', () => {
  let folder: string;
  let path: string;
  const limits = { fileBytesMax: 100, oldFilesMax: 2 };
  const line = (index: number) => Buffer.from(`line ${String(index).padStart(4, '0')} of 20 bytes\n`.slice(0, 20));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-log-'));
    path = join(folder, 'logs/ingest.log');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps at most the named number of files of the named size', () => {
    const log = new LogFile(path, limits);
    for (let index = 0; index < 100; index++) log.append(line(index));
    log.close();
    for (const name of [path, `${path}.1`, `${path}.2`]) expect(statSync(name).size).toBeLessThanOrEqual(100);
    expect(existsSync(`${path}.3`)).toBe(false);
    expect(readFileSync(path, 'utf8')).toContain('line 0099');
    expect(readFileSync(`${path}.1`, 'utf8')).toContain('line 0094');
  });

  it('goes on where an earlier run stopped', () => {
    for (const index of [1, 2]) {
      const log = new LogFile(path, limits);
      log.append(line(index));
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toMatch(/line 0001[\s\S]*line 0002/);
  });

  it('drops what a full disk does not take, and says how much when there is room again', () => {
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync('/dev/full', path);
    const log = new LogFile(path, limits);
    for (const index of [1, 2]) log.append(line(index));
    expect(log.tail(2)).toContain('line 0002');
    rmSync(path);
    for (const index of [3, 4]) log.append(line(index));
    log.close();
    expect(readFileSync(path, 'utf8')).toBe(`… 40 bytes could not be written here\n${line(3)}${line(4)}`);
  });

  it('tells the last lines, and drops what comes after its end', () => {
    const log = new LogFile(path, limits);
    log.append(Buffer.from('one\ntwo\nthree\n'));
    expect(log.tail(2)).toBe('two\nthree');
    log.close();
    log.append(Buffer.from('late\n'));
    expect(readFileSync(path, 'utf8')).not.toContain('late');
  });
});
