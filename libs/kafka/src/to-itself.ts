// A port that nobody listens on yet may be the very one that the system gives a connection to it for its own end: then
// TCP connects the socket to itself. It answers nothing, and holds the port that the broker wants to listen on.

import type { Socket } from 'node:net';

/** Ends the socket with an error where it is connected to itself. Gives the socket. */
export function neverToItself<T extends Socket>(socket: T): T {
  socket.prependOnceListener('connect', () => {
    const { localPort, remotePort, localAddress, remoteAddress } = socket;
    if (localPort === remotePort && localAddress === remoteAddress)
      socket.destroy(new Error(`nobody listens on port ${remotePort}: it was connected to itself`));
  });
  return socket;
}
