// Bytes of a stream at the pace of whoever uses them: what comes while they are paused is kept.

/** Parts of a paused stream that are smaller are copied together: else a byte could keep a whole read alive. */
const PART_BYTES = 1_024;

export class PacedBytes {
  private backlog: Buffer[] = [];
  private paused = false;
  private using = false;
  private ended = false;

  /** `use` may pause; `allUsed` is called once, after the last byte, unless paused. Both may throw. */
  constructor(
    private readonly use: (bytes: Buffer) => void,
    private readonly allUsed: () => void,
  ) {}

  push(bytes: Buffer): void {
    const { backlog } = this;
    const last = backlog.at(-1);
    if (!this.paused && backlog.length === 0) backlog.push(bytes);
    else if (last === undefined || bytes.length >= PART_BYTES) backlog.push(Buffer.from(bytes));
    else if (last.length >= 16 * PART_BYTES) backlog.push(Buffer.from(bytes));
    else backlog[backlog.length - 1] = Buffer.concat([last, bytes]);
    this.run();
  }

  /** Nothing comes after what is here. */
  end(): void {
    this.ended = true;
    this.run();
  }

  clear(): void {
    this.backlog = [];
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.run();
  }

  /** Hands on what is here, unless a user that paused or resumed is below us on the stack. */
  private run(): void {
    if (this.using) return;
    this.using = true;
    try {
      while (!this.paused && this.backlog.length > 0) this.use(this.backlog.shift() as Buffer);
      if (!this.ended || this.backlog.length > 0 || this.paused) return;
      this.ended = false;
      this.allUsed();
    } finally {
      this.using = false;
    }
  }
}
