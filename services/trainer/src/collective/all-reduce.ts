// Sums a buffer over all ranks: reduce-scatter, then all-gather. Rank r owns part r; the others send it their part r,
// it adds them in rank order 0, 1, 2 ... (its own in its place) and sends the sum to all. Every rank therefore ends
// with the same bits, whatever the order of arrival. Bytes sent per rank: 2 S (P - 1) / P, the lower bound of any
// all-reduce.

/** One ordered, reliable connection to each other rank. */
export interface PeerLinks {
  readonly rank: number;
  readonly worldSize: number;
  /** Resolves when the bytes have left this process's memory. `sequence` must match the receiver's. */
  send(rank: number, sequence: number, bytes: Uint8Array): Promise<void>;
  /** Fills `into` completely with the peer's frame of that sequence. */
  receive(rank: number, sequence: number, into: Uint8Array): Promise<void>;
}

export class AllReduce {
  private sequence = 0;
  /** One receive buffer per peer, as long as the longest part so far. */
  private received: Float32Array[] = [];

  constructor(private readonly links: PeerLinks) {}

  /** Replaces `buffer` by the sum over all ranks; all ranks must call it with the same length, in the same order. */
  async sum(buffer: Float32Array): Promise<void> {
    const { rank, worldSize } = this.links;
    if (worldSize === 1) return;
    const scatter = this.sequence++;
    const gather = this.sequence++;
    const part = (r: number) =>
      buffer.subarray(partOf(buffer.length, r, worldSize), partOf(buffer.length, r + 1, worldSize));
    const mine = part(rank);
    const peers = Array.from({ length: worldSize }, (_, r) => r).filter((r) => r !== rank);
    this.received = Array.from({ length: worldSize }, (_, r) => {
      const held = this.received[r];
      return held !== undefined && held.length === mine.length ? held : new Float32Array(r === rank ? 0 : mine.length);
    });
    await Promise.all([
      ...peers.map((r) => this.links.send(r, scatter, bytesOf(part(r)))),
      ...peers.map((r) => this.links.receive(r, scatter, bytesOf(this.received[r] as Float32Array))),
    ]);
    addInRankOrder(mine, this.received, rank);
    await Promise.all([
      ...peers.map((r) => this.links.send(r, gather, bytesOf(mine))),
      ...peers.map((r) => this.links.receive(r, gather, bytesOf(part(r)))),
    ]);
  }
}

function partOf(length: number, rank: number, worldSize: number): number {
  return Math.floor((length * rank) / worldSize);
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** mine = received[0] + ... + mine + ... + received[P - 1], added from the left in double precision, rounded once. */
function addInRankOrder(mine: Float32Array, received: readonly Float32Array[], rank: number): void {
  for (let i = 0; i < mine.length; i++) {
    let sum = 0;
    for (let r = 0; r < received.length; r++)
      sum += r === rank ? (mine[i] as number) : ((received[r] as Float32Array)[i] as number);
    mine[i] = sum;
  }
}
