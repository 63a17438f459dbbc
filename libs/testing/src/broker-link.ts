// A link to the real broker, of one client alone. It can lose the answer to a produced batch, or change what it
// says: the broker has written the batch, and the producer cannot know. And it can be held: connections stand, new
// ones come about, and nothing passes, as where a cable or a router is at fault.

import { connect, createServer, type Server, type Socket } from 'node:net';

const PRODUCE = 0;
/** Both say where a broker is. */
const PLACES = new Set([3, 10]);

/** What becomes of the next answer to a produced batch. */
export type LinkFault =
  | { kind: 'lost' }
  /** The error that it says of every partition. */
  | { kind: 'error'; code: number };

export class BrokerLink {
  readonly faults: LinkFault[] = [];
  /** Batches that were sent, again or not. */
  produced = 0;
  private readonly open = new Set<Socket>();
  /** What waits while it is held, in its order. */
  private held: (() => void)[] | undefined;

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly brokerPort: number,
  ) {}

  static async to(brokerPort: number): Promise<BrokerLink> {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const link = new BrokerLink(server, (server.address() as { port: number }).port, brokerPort);
    server.on('connection', (near) => link.join(near));
    return link;
  }

  /** Nothing passes in either direction until `release`. */
  hold(): void {
    this.held ??= [];
  }

  /** What has waited comes now. */
  release(): void {
    const { held = [] } = this;
    this.held = undefined;
    for (const pass of held) pass();
  }

  private pass(to: Socket, frame: Buffer): void {
    const write = () => void (to.destroyed || to.write(frame));
    if (this.held === undefined) write();
    else this.held.push(write);
  }

  async close(): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((closed) => this.server.close(closed));
  }

  private join(near: Socket): void {
    const far = connect(this.brokerPort, '127.0.0.1');
    const kinds = new Map<number, number>();
    for (const socket of [near, far]) {
      this.open.add(socket);
      socket.on('error', () => undefined); // the other side sees it closed
      socket.on('close', () => {
        this.open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    frames(near, (request) => {
      kinds.set(request.readInt32BE(8), request.readInt16BE(4));
      if (request.readInt16BE(4) === PRODUCE) this.produced += 1;
      this.pass(far, request);
    });
    frames(far, (answer) => {
      const kind = kinds.get(answer.readInt32BE(4));
      if (PLACES.has(kind ?? -1)) this.moveHere(answer);
      const fault = kind === PRODUCE ? this.faults.shift() : undefined;
      if (fault?.kind === 'lost') {
        near.destroy();
        return;
      }
      if (fault !== undefined) failAll(answer, fault.code);
      this.pass(near, answer);
    });
  }

  /** The broker says its own port; the producer shall come here. */
  private moveHere(answer: Buffer): void {
    const port = Buffer.alloc(4);
    port.writeInt32BE(this.brokerPort);
    const at = answer.indexOf(port);
    if (at >= 0) answer.writeInt32BE(this.port, at);
  }
}

/** Whole requests or answers, each with its size. */
function frames(socket: Socket, each: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0);
      each(Buffer.from(rest.subarray(0, end)));
      rest = rest.subarray(end);
    }
  });
}

function failAll(answer: Buffer, code: number): void {
  let at = 8;
  const topics = answer.readInt32BE(at);
  at += 4;
  for (let topic = 0; topic < topics; topic++) {
    at += 2 + answer.readInt16BE(at);
    const partitions = answer.readInt32BE(at);
    at += 4;
    for (let partition = 0; partition < partitions; partition++) {
      answer.writeInt16BE(code, at + 4);
      at += 4 + 2 + 24;
    }
  }
}
