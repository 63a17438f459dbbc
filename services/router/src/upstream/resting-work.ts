// Work that follows an answer and that nobody waits for: it is put off until requests are likely to rest, for a client
// that asks one by one sends its next request at once, and would wait for it. Some pieces go together after WAIT_MS, or
// as soon as PIECES_MAX pieces or BYTES_MAX bytes wait, so that the event loop is held shortly and little is kept.

/** A client's next request has come and gone through by then. */
const WAIT_MS = 50;
/** Reading a small call takes 20 to 50 µs. */
const PIECES_MAX = 16;
const BYTES_MAX = 1_048_576;

export interface RestingWorkPorts {
  /** Runs it once; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
  /** When this turn's input was handled. */
  later(work: () => void): void;
}

export class RestingWork {
  private pieces: (() => void)[] = [];
  private bytes = 0;
  private isDue = false;
  private takeBack: (() => void) | undefined;

  constructor(private readonly ports: RestingWorkPorts) {}

  /** `work` must not throw; `bytes`: what waits for it. */
  add(work: () => void, bytes: number): void {
    this.pieces.push(work);
    this.bytes += bytes;
    this.takeBack ??= this.ports.after(WAIT_MS, () => this.run());
    if (this.isDue || (this.pieces.length < PIECES_MAX && this.bytes < BYTES_MAX)) return;
    this.isDue = true;
    this.ports.later(() => this.run());
  }

  /** What waits is done now. */
  run(): void {
    this.takeBack?.();
    this.takeBack = undefined;
    const { pieces } = this;
    this.pieces = [];
    this.bytes = 0;
    this.isDue = false;
    for (const work of pieces) work();
  }
}
