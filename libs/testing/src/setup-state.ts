// Where set-up has put Kafka and Redis: node_modules/.millrace/setup.json of this clone (written by `npm test` and
// `npm start`; schema in tools/setup/paths.mjs).

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SetupState } from '@millrace/deployment';

export interface TestSetup extends Pick<SetupState, 'kafka' | 'redis'> {
  /** These only after `npm test` has looked for them; the folders of Chromium only with the packaged one. */
  python?: { binary: string };
  gofakes3?: { binary: string };
  chromium?: { binary: string; libFolder?: string; fontsFolder?: string };
}

/** The clone's root, from wherever the test runs. */
export function cloneRoot(from: string = process.cwd()): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'nx.json')) || existsSync(join(folder, 'tsconfig.base.json'))) return folder;
    if (dirname(folder) === folder) throw new Error(`no clone of Millrace above ${from}`);
  }
}

export function setupState(): TestSetup {
  const file = join(cloneRoot(), 'node_modules/.millrace/setup.json');
  if (!existsSync(file)) throw new Error(`${file} is missing: run \`npm test\`, or \`node tools/setup/setup.mjs\``);
  return JSON.parse(readFileSync(file, 'utf8')) as TestSetup;
}
