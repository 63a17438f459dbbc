// One look at whether a process is ready: a 200 from its health path, or a port that accepts.

import { get } from 'node:http';
import { connect } from 'node:net';
import { isToItself } from '@millrace/domain';

const PROBE_TIMEOUT_MS = 1_000;

export function answersOk(host: string, port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, path, timeout: PROBE_TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** `localPort` is the probe's own end; the system's choice by default. */
export function accepts(host: string, port: number, localPort?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS, ...(localPort ? { localPort } : {}) }, () => {
      const nobody = isToItself(socket);
      // Whoever comes to listen there must find the port free: without the wait that an ordered end leaves behind.
      if (nobody) socket.resetAndDestroy();
      else socket.destroy();
      resolve(!nobody);
    });
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  });
}
