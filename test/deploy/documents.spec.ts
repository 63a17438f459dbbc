// The documents say of ports and settings what libs/deployment says: `npm run settings` writes them.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { portsTable, SETTINGS } from '@millrace/deployment';

describe('docs', () => {
  it('ARCHITECTURE.md has the table of ports', () => {
    expect(readFileSync('docs/ARCHITECTURE.md', 'utf8')).toContain(`## Ports\n\n${portsTable()}\n`);
  });

  it('settings.md has every setting with its default and its reason', () => {
    const rows = readFileSync('docs/settings.md', 'utf8').split('\n');
    const missing = Object.values(SETTINGS)
      .flatMap((settings) => Object.values(settings))
      .filter(({ env, default: value, why }) => {
        const shown = value === undefined ? 'required' : `${value}` || 'empty';
        return !rows.some((row) => row.startsWith(`| \`${env}\` | ${shown} |`) && row.includes(` ${why}`));
      })
      // A port of the table is described where the process that listens on it is.
      .filter(({ why }) => why !== 'the table of ports in docs/ARCHITECTURE.md');
    expect(missing.map(({ env }) => env)).toEqual([]);
  });
});
