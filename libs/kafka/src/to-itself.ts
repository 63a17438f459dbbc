// A connection to a broker that is not there yet must not take the port that the broker wants to listen on.

import type { Socket } from 'node:net';
import { isToItself } from '@millrace/domain';

/** Ends the socket with an error where it is connected to itself. Gives the socket. */
export function neverToItself<T extends Socket>(socket: T): T {
  socket.prependOnceListener('connect', () => {
    if (isToItself(socket))
      socket.destroy(new Error(`nobody listens on port ${socket.remotePort}: it was connected to itself`));
  });
  return socket;
}
