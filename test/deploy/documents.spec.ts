// The documents say of ports and settings what libs/deployment says: `npm run settings` writes them.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { TOPICS } from '@millrace/contracts';
import { PORTS, portsTable, SETTINGS } from '@millrace/deployment';

describe('millrace doctor', () => {
  it('looks at the ports of the platform', () => {
    // The script is read, not loaded: what it does when it is loaded is about this machine.
    const script = readFileSync('tools/setup/doctor.mjs', 'utf8');
    const looked = [...script.matchAll(/^ {2}\['(MILLRACE_\w+_PORT)', (\d+), '/gm)].map(([, setting, port]) => [
      setting,
      Number(port),
    ]);
    expect(new Map(looked as [string, number][])).toEqual(
      new Map(Object.values(PORTS).map(({ setting, base }) => [setting, base])),
    );
  });
});

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

describe('docs/live-data.md', () => {
  it('says of every topic what a message on it promises, and how long it is kept', () => {
    const rows = [
      ...readFileSync('docs/live-data.md', 'utf8').matchAll(/^\| `(\w+\.v1)` \|[^|]*\|[^|]*\| ([^|]+) \|/gm),
    ];
    const kept = ({ cleanup, retentionMs }: (typeof TOPICS)[number]) => {
      if (cleanup === 'compact') return 'compacted';
      if (retentionMs === 3_600_000) return 'an hour';
      return retentionMs === -1 ? 'for ever' : `${retentionMs / 86_400_000} days`;
    };
    expect(Object.fromEntries(rows.map(([, topic, time]) => [topic, time]))).toEqual(
      Object.fromEntries(TOPICS.map((topic) => [topic.name, kept(topic)])),
    );
  });
});
