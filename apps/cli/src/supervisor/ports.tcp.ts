// Loopback ports: which are busy, who has them, and which is free instead.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { LOOPBACK } from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';

/** Those below are root's. */
const UNPRIVILEGED_FROM = 1_024;

function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen(port, LOOPBACK, () => resolve(server));
  });
}

const close = (server: Server) => new Promise<void>((resolve) => server.close(() => resolve()));

export async function isPortFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await close(server);
  return true;
}

/** The next free port below one, that is none of `others`. */
export async function freePortBelow(port: number, others: readonly number[]): Promise<number> {
  for (let candidate = port - 1; candidate >= UNPRIVILEGED_FROM; candidate--)
    if (!others.includes(candidate) && (await isPortFree(candidate))) return candidate;
  throw new PlatformError('unavailable', `no port below ${port} is free`);
}

const LISTENING = '0A';
const TIME_WAIT = '06';

/** Of who listens there; else of whoever has a connection whose own end it is. */
function socketInode(port: number): string | undefined {
  let connected: string | undefined;
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    let lines: string[] = [];
    try {
      lines = readFileSync(table, 'latin1').split('\n').slice(1);
    } catch {
      // not Linux: the port is named without its holder
    }
    for (const line of lines) {
      const fields = line.trim().split(/\s+/);
      if (!fields[1]?.endsWith(suffix) || fields[3] === TIME_WAIT) continue;
      if (fields[3] === LISTENING) return fields[9];
      connected ??= fields[9];
    }
  }
  return connected;
}

/** "process 4711 (java …)" where the system tells; processes of other users stay unknown. */
export function holderOf(port: number): string {
  const inode = socketInode(port);
  if (inode === undefined) return 'another process';
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const handles = readdirSync(`/proc/${pid}/fd`);
      if (!handles.some((handle) => readlinkSync(`/proc/${pid}/fd/${handle}`) === `socket:[${inode}]`)) continue;
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
      return `process ${pid} (${command.slice(0, 3).join(' ').slice(0, 80)})`;
    } catch {
      // it ended while we looked, or belongs to another user
    }
  }
  return 'a process of another user';
}
