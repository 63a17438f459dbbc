// Free ports on loopback.

import { connect, createServer } from 'node:net';

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Resolves when something listens; rejects after `withinMs` or when `stillRunning` says that nothing will. */
export async function waitForPort(
  port: number,
  withinMs: number,
  stillRunning: () => boolean = () => true,
): Promise<void> {
  const tries = Math.ceil(withinMs / 100);
  for (let attempt = 0; attempt < tries; attempt++) {
    if (await accepts(port)) return;
    if (!stillRunning()) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nothing listens on port ${port} within ${withinMs} ms`);
}
