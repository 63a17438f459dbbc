// Loopback ports: which are busy and who has them, and a set of free ones for tests.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { LOOPBACK, type PlatformPorts, PORT_NAMES } from '@millrace/deployment';

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

/** Free ports for a whole platform, held together so that no two are the same. */
export async function freePorts(): Promise<Required<PlatformPorts>> {
  const names = [...PORT_NAMES, 'kafkaController'];
  const servers = await Promise.all(names.map(() => listen(0)));
  const entries = servers.map((server, index) => {
    const address = server?.address();
    if (address === null || typeof address !== 'object') throw new Error('the machine has no free port');
    return [names[index], address.port] as const;
  });
  await Promise.all(servers.map((server) => server && close(server)));
  return Object.fromEntries(entries) as unknown as Required<PlatformPorts>;
}

const LISTENING = '0A';

function socketInode(port: number): string | undefined {
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
      if (fields[1]?.endsWith(suffix) && fields[3] === LISTENING) return fields[9];
    }
  }
  return undefined;
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
