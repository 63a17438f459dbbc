import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { freePort, freePorts } from './ports.js';

/** What another process is told that asks for the name of this port. */
function elsewhere(port: number): string {
  const script = `require('node:net').createServer()
    .on('error', ({ code }) => process.stdout.write(code))
    .listen('\\0millrace-test-port-${port}', function () { process.stdout.write('taken'); this.close(); })`;
  return execFileSync(process.execPath, ['-e', script], { env: {} }).toString().trim();
}

it('are given once, can be listened on, and are kept from other suites before anything listens', async () => {
  const ports = await freePorts(30);
  expect(new Set(ports).size).toBe(30);
  const port = await freePort();
  expect(ports).not.toContain(port);
  if (process.platform === 'linux') expect(elsewhere(port)).toBe('EADDRINUSE');
  const server = createServer();
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
  await new Promise((closed) => server.close(closed));
});
