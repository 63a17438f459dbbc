// Free ports on loopback, below those that the system gives to outgoing connections (32,768 on, on Linux): a port that
// was free a moment ago is then not taken by whoever of the machine connects to anything, nor by another suite.

import { connect, createServer, type Server } from 'node:net';
import { OFFSET_STEP, placeOf } from '@millrace/deployment';

const LOOPBACK = '127.0.0.1';
/** Above the platforms of a machine and those that suites move by an offset, but for their brokers. */
const PORT_FROM = 22_000;
const PORT_TO = 32_000;

function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}

/** Not given twice to one process, however often it asks. */
const given = new Set<number>();
/** What keeps them from others. */
const kept: Server[] = [];

/**
 * Suites that run side by side are not given the same port, however long the one needs until it listens: the process
 * keeps a name, in the system's table of such names, which goes with the process. Linux has them; elsewhere a port is
 * whoever's is quicker.
 */
function keep(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const name = createServer();
    name.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    name.listen(`\0millrace-test-port-${port}`, () => {
      name.unref();
      kept.push(name);
      resolve(true);
    });
  });
}

/** A port that is free, and that no other test is given while this process lives. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TO - PORT_FROM; tries++) {
    const port = PORT_FROM + Math.floor(Math.random() * (PORT_TO - PORT_FROM));
    if (given.has(port) || !(await keep(port)) || !(await isPortFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`no free port from ${PORT_FROM} to ${PORT_TO}`);
}

/** So many of them, no two the same. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  return ports;
}

/** The first offset (MILLRACE_PORT_OFFSET) at which every port of a platform is free. */
export async function freeOffset(from: number, to: number): Promise<number> {
  for (let offset = from; offset <= to; offset += OFFSET_STEP) {
    const { others } = placeOf({ MILLRACE_PORT_OFFSET: `${offset}` });
    const free = await Promise.all([...Object.values(others), others.kafka + 1].map(isPortFree));
    if (free.every(Boolean)) return offset;
  }
  throw new Error(`no free ports between the offsets ${from} and ${to}`);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: LOOPBACK });
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
