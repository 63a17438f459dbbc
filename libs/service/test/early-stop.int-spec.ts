// SIGTERM before a service has come up (its consumers wait for a broker, its start for a file): it drains and closes
// what it has, and ends with exit code 0. A process of its own, because signals and the exit are what is tried.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';
import { environment } from '@millrace/config';

const compiled = (file: string) => JSON.stringify(resolve('dist/libs', file));

const SERVICE = `
import { commonSettings } from ${compiled('deployment/src/index.js')};
import { defineService } from ${compiled('service/src/index.js')};
await defineService({
  name: 'slow',
  settings: commonSettings,
  build: ({ shutdown }) => {
    shutdown.onDrain('queue', () => process.stdout.write('drained;'));
    shutdown.onClose('store', () => process.stdout.write('closed;'));
    return {
      http: { port: 0 },
      start: () => {
        process.stdout.write('starting;');
        return new Promise(() => setInterval(() => undefined, 1_000));
      },
    };
  },
}).run();
`;

it('drains, closes and ends with 0 where SIGTERM comes during the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-service-'));
  try {
    const script = join(folder, 'service.mjs');
    writeFileSync(script, SERVICE);
    const child = spawn(process.execPath, [script], {
      env: { PATH: environment().PATH },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (output.includes('starting')) child.kill('SIGTERM');
    });
    const code = await new Promise((ended) => child.once('close', ended));
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).toMatch(/drained[\s\S]*closed/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 30_000);
