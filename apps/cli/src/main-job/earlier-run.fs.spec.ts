import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { earlierRun, markRun, setAside, writeSummary } from './earlier-run.fs.js';

describe('an earlier main job', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'millrace-home-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const dataset = (project: string) => mkdirSync(join(home, 'artifacts/datasets', project), { recursive: true });

  it('is known by its mark, and without one by the data of its project', () => {
    expect(earlierRun(home, 'flights')).toBe('none');
    dataset('loans');
    expect(earlierRun(home, 'flights')).toBe('none');
    dataset('flights');
    expect(earlierRun(home, 'flights')).toBe('begun');
    markRun(home, 'flights', 'done');
    expect(earlierRun(home, 'flights')).toBe('done');
    markRun(home, 'flights', 'begun');
    expect(earlierRun(home, 'flights')).toBe('begun');
  });

  it('is set aside whole, the last one only; logs and the lock stay', () => {
    for (const round of ['first', 'second']) {
      dataset('flights');
      mkdirSync(join(home, 'kafka'), { recursive: true });
      writeFileSync(join(home, 'kafka/log'), round);
      for (const kept of ['logs', 'run']) mkdirSync(join(home, kept), { recursive: true });
      writeSummary(home, { ok: true });
      markRun(home, 'flights', 'done');
      const aside = setAside(home, 'flights', false);
      expect(readFileSync(join(aside, 'kafka/log'), 'utf8')).toBe(round);
      expect(existsSync(join(aside, 'summary.json'))).toBe(true);
      expect(readdirSync(home).sort()).toEqual(['logs', 'previous', 'run']);
      expect(earlierRun(home, 'flights')).toBe('none');
    }
  });

  it('is not set aside where that would take something else along', () => {
    dataset('flights');
    expect(() => setAside(home, 'flights', true)).toThrow(/MILLRACE_TOPIC_PREFIX/);
    dataset('loans');
    expect(() => setAside(home, 'flights', false)).toThrow(/also holds loans.*MILLRACE_HOME/);
    expect(existsSync(join(home, 'artifacts/datasets/loans'))).toBe(true);
  });
});
