import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { earlierRun, markRun, projectsIn, setAside, writeSummary } from './earlier-run.fs.js';

describe('an earlier main job', () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'millrace-home-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const dataset = (project: string) => openArtifactStore({ home }).put(`datasets/${project}/v/data.parquet`, 'rows');
  const earlier = async () => earlierRun(home, 'flights', await projectsIn({ home }));
  const aside = async (ownBrokers: boolean) => setAside({ home }, 'flights', await projectsIn({ home }), ownBrokers);

  it('is known by its mark, and without one by the data of its project', async () => {
    expect(await earlier()).toBe('none');
    await dataset('loans');
    expect(await earlier()).toBe('none');
    await dataset('flights');
    expect(await earlier()).toBe('begun');
    markRun(home, 'flights', 'done');
    expect(await earlier()).toBe('done');
    markRun(home, 'flights', 'begun');
    expect(await earlier()).toBe('begun');
  });

  it('is set aside whole, the last one only; logs and the lock stay', async () => {
    for (const round of ['first', 'second']) {
      await dataset('flights');
      mkdirSync(join(home, 'kafka'), { recursive: true });
      writeFileSync(join(home, 'kafka/log'), round);
      for (const kept of ['logs', 'run']) mkdirSync(join(home, kept), { recursive: true });
      writeSummary(home, { ok: true });
      markRun(home, 'flights', 'done');
      const previous = await aside(false);
      expect(readFileSync(join(previous, 'kafka/log'), 'utf8')).toBe(round);
      expect(existsSync(join(previous, 'summary.json'))).toBe(true);
      expect(readdirSync(home).sort()).toEqual(['logs', 'previous', 'run']);
      expect(await earlier()).toBe('none');
    }
  });

  it('is not set aside where its artifacts are in a bucket', () => {
    const settings = { home, artifactsUrl: 's3://store/first' };
    expect(() => setAside(settings, 'flights', ['flights'], false)).toThrow(/MILLRACE_ARTIFACTS_URL/);
  });

  it('is not set aside where that would take something else along', async () => {
    await dataset('flights');
    await expect(aside(true)).rejects.toThrow(/MILLRACE_TOPIC_PREFIX/);
    await dataset('loans');
    await expect(aside(false)).rejects.toThrow(/also holds loans.*MILLRACE_HOME/);
    expect(existsSync(join(home, 'artifacts/datasets/loans'))).toBe(true);
  });
});
