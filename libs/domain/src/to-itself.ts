// A port that nobody listens on yet may be the very one that the system gives a connection to it for its own end: then
// TCP connects the socket to itself. It answers nothing, and holds the port that somebody wants to listen on.

/** As a connected socket tells them. */
export interface SocketEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Whether a connected socket has itself at its other end. */
export function isToItself({ localAddress, localPort, remoteAddress, remotePort }: SocketEnds): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}
