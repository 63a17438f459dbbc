import { describe, expect, it } from '@jest/globals';
import type { ControlClient } from '../client/control.http.js';
import { collected } from './collected.js';

const version = (keptBy: string | null) => ({
  ordinal: 1,
  id: 'f'.repeat(64),
  source: 's',
  rows: 2,
  closedAtMs: 0,
  keptBy,
});
const said = async (planned: unknown, isDry: boolean) => {
  const control = { retention: async () => planned, collect: async () => ({ removed: 3 }) } as unknown as ControlClient;
  const { value, text, next } = await collected(control, 'loans', isDry);
  return { value, text: text(undefined), next };
};

describe('gc', () => {
  it.each([true, false])('says that nothing is declared, and where to write it (dry run: %s)', async (isDry) => {
    const { text, next } = await said({ datasets: null, versions: [version('no retention is declared')] }, isDry);
    expect(text).toMatch(/declares no retention, .*write `retention: .*` into its project file/);
    expect(next).toEqual(['millrace apply FILE']);
  });

  it('offers itself after a dry run only where something would go', async () => {
    const datasets = { keep: 1, forMs: 0 };
    expect((await said({ datasets, versions: [version(null)] }, true)).next).toEqual(['millrace gc loans']);
    expect((await said({ datasets, versions: [version('the newest one')] }, true)).next).toEqual([
      'millrace datasets loans',
    ]);
    expect(await said({ datasets, versions: [] }, false)).toMatchObject({
      value: { removed: 3 },
      text: '3 dataset versions deleted',
    });
  });
});
