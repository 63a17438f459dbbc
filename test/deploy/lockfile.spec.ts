// `npm ci` must accept package-lock.json on a fresh clone, and every package that this platform installs has a
// checksum.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

interface Entry {
  version?: string;
  integrity?: string;
  resolved?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Record<string, string>;
}

const packages = (JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Entry> })
  .packages;

describe('package-lock.json', () => {
  it('has an entry for each optional package (mend: node tools/setup/complete-lock.mjs)', () => {
    const names = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
    const missing = Object.values(packages).flatMap((entry) =>
      Object.keys(entry.optionalDependencies ?? {}).filter((name) => !names.has(name)),
    );
    expect(missing).toEqual([]);
  });

  it('pins a checksum for each package of linux-x64', () => {
    const forUs = (entry: Entry) =>
      (entry.os?.includes('linux') ?? true) && (entry.cpu?.includes('x64') ?? true) && !entry.libc?.includes('musl');
    const unpinned = Object.entries(packages).filter(
      ([path, entry]) => path !== '' && forUs(entry) && !entry.integrity,
    );
    expect(unpinned.map(([path]) => path)).toEqual([]);
  });

  it('names no registry', () => {
    expect(Object.values(packages).filter((entry) => entry.resolved?.startsWith('http'))).toEqual([]);
  });
});
