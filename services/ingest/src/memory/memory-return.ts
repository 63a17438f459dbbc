// When to give memory back to the system. V8 keeps the pages that a busy stream's garbage stood on: after 1.2 million
// records 300 MiB of them, with 90 MiB of objects. Collecting them stops the process for some tenths of a second, so it
// is done when there is time: little was done lately, memory has grown since the last time, and that is a while ago.

export interface MemoryReading {
  atMs: number;
  residentBytes: number;
  /** Of the event loop's time since the last reading. */
  busyShare: number;
}

/** 1,000 records a second keep it busy for less. */
const BUSY_SHARE_MAX = 0.3;
/** Less is not worth the stop. */
const GROWN_BYTES = 64 * 1024 * 1024;
const EVERY_MS = 60_000;

export class MemoryReturn {
  private lastMs = Number.NEGATIVE_INFINITY;
  private calmReadings = 0;

  /** @param residentBytes when the service has started */
  constructor(private residentBytes: number) {}

  isDue({ atMs, residentBytes, busyShare }: MemoryReading): boolean {
    this.calmReadings = busyShare > BUSY_SHARE_MAX ? 0 : this.calmReadings + 1;
    return (
      this.calmReadings >= 2 && residentBytes - this.residentBytes >= GROWN_BYTES && atMs - this.lastMs >= EVERY_MS
    );
  }

  /** @param residentBytes what is left, which is needed */
  returned(atMs: number, residentBytes: number): void {
    this.lastMs = atMs;
    this.residentBytes = residentBytes;
  }
}
