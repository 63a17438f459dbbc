// Answers by key, bounded in bytes: the least recently used go first. All operations O(1): a map and a doubly linked
// list (a map alone finds its oldest entry only past the holes of the deleted ones). Shared by all models of the
// process; keys hold model, version and inputs. What is kept is a copy: it must not keep a batch's whole output alive.

import type { Tensor } from '@millrace/inference';

/** Map entry, list links, key and tensor objects, measured roughly; bytes of the tensors come on top. */
const ENTRY_BYTES = 512;
const TENSOR_BYTES = 256;

interface Entry {
  readonly key: string;
  readonly outputs: readonly Tensor[];
  readonly bytes: number;
  newer: Entry | undefined;
  older: Entry | undefined;
}

export class ResponseCache {
  private readonly entries = new Map<string, Entry>();
  private newest: Entry | undefined;
  private oldest: Entry | undefined;
  private held = 0;
  private evicted = 0;

  /** An answer larger than `entryBytesMax` is not kept. */
  constructor(
    private readonly bytesMax: number,
    private readonly entryBytesMax: number = bytesMax / 4,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.held;
  }

  get evictions(): number {
    return this.evicted;
  }

  get(key: string): readonly Tensor[] | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    if (entry !== this.newest) {
      this.unlink(entry);
      this.linkNewest(entry);
    }
    return entry.outputs;
  }

  /** Whether it was kept. */
  put(key: string, outputs: readonly Tensor[]): boolean {
    let bytes = ENTRY_BYTES + key.length * 2;
    for (const output of outputs) bytes += TENSOR_BYTES + output.byteLength;
    if (bytes > this.entryBytesMax || bytes > this.bytesMax) return false;
    const before = this.entries.get(key);
    if (before) this.remove(before);
    while (this.held + bytes > this.bytesMax && this.oldest) {
      this.remove(this.oldest);
      this.evicted++;
    }
    const entry: Entry = {
      key,
      outputs: outputs.map((output) => output.copy()),
      bytes,
      newer: undefined,
      older: undefined,
    };
    this.entries.set(key, entry);
    this.held += bytes;
    this.linkNewest(entry);
    return true;
  }

  clear(): void {
    this.entries.clear();
    this.newest = undefined;
    this.oldest = undefined;
    this.held = 0;
  }

  private remove(entry: Entry): void {
    this.entries.delete(entry.key);
    this.held -= entry.bytes;
    this.unlink(entry);
  }

  private linkNewest(entry: Entry): void {
    entry.older = this.newest;
    entry.newer = undefined;
    if (this.newest) this.newest.newer = entry;
    this.newest = entry;
    this.oldest ??= entry;
  }

  private unlink(entry: Entry): void {
    if (entry.newer) entry.newer.older = entry.older;
    else this.newest = entry.older;
    if (entry.older) entry.older.newer = entry.newer;
    else this.oldest = entry.newer;
  }
}
