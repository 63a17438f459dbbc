// A service that is given something wrong ends with 78, whatever finds it: the settings' own schema, or the start. Any
// other failure of a start is 1. A process of its own, because the exit is what is tried.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';

const compiled = (file: string) => JSON.stringify(resolve('dist/libs', file));

/** Fails its start with the code that it is told. */
const SERVICE = `
import { commonSettings } from ${compiled('deployment/src/index.js')};
import { PlatformError } from ${compiled('domain/src/index.js')};
import { defineService } from ${compiled('service/src/index.js')};
await defineService({
  name: 'wrong',
  settings: commonSettings,
  build: () => ({ http: { port: 0 }, start: () => { throw new PlatformError(process.argv[2], 'so it is'); } }),
}).run();
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-service-'));
  writeFileSync(join(folder, 'service.mjs'), SERVICE);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  [
    'a setting that its schema refuses',
    { MILLRACE_KAFKA_BROKERS: 'kafka' },
    'unavailable',
    78,
    'MILLRACE_KAFKA_BROKERS',
  ],
  ['what the start finds wrong with its settings', {}, 'invalid_argument', 78, 'so it is'],
  ['anything else that the start meets', {}, 'unavailable', 1, 'so it is'],
])(
  '%s',
  async (_what, settings, code, exit, told) => {
    const child = spawn(process.execPath, [join(folder, 'service.mjs'), code], {
      env: { PATH: environment().PATH, ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const [ended] = await once(child, 'close');
    expect({ ended, output }).toMatchObject({ ended: exit, output: expect.stringContaining(told) });
  },
  60_000,
);
