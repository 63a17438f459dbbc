// Texts numbered 0, 1, 2 … in the order in which they come, each once: a map from ids to slots without an object for an
// id. A Map of strings keeps each id alive as an object of its own, which the collector copies twice and then marks
// again and again: with a million rows that wait for labels that was a third of all CPU.
//
// Characters lie one after the other in one array, of bytes for as long as all fit into them, else of UTF-16 units; an
// open-addressing table of at most half its size holds slots by hash. Cost: O(length of an id). Memory: the id's
// characters and 24 bytes at most. Nothing is removed.

const FIRST_TABLE = 512;
const FIRST_UNITS = 4_096;
const BYTE_MAX = 255;
/** Of arguments of one call. */
const UNITS_AT_ONCE = 1_024;

export class IdTable {
  private count = 0;
  /** Slot + 1 by hash; 0: free. Its length is a power of two. */
  private table = new Int32Array(FIRST_TABLE);
  private hashes = new Int32Array(FIRST_TABLE / 2);
  /** Where an id ends; it begins where the one before ends. */
  private ends = new Float64Array(FIRST_TABLE / 2);
  private units: Uint8Array | Uint16Array = new Uint8Array(FIRST_UNITS);
  private isWide = false;
  private used = 0;

  get size(): number {
    return this.count;
  }

  /** undefined: it has not come. */
  slot(id: string): number | undefined {
    const found = this.table[this.place(id, hashOf(id))] as number;
    return found === 0 ? undefined : found - 1;
  }

  /** Of an id that has not come: gives its slot. */
  add(id: string): number {
    const hash = hashOf(id);
    if (2 * (this.count + 1) > this.table.length) this.grow();
    const slot = this.count++;
    this.table[this.place(id, hash)] = slot + 1;
    this.hashes[slot] = hash;
    this.append(id);
    this.ends[slot] = this.used;
    return slot;
  }

  id(slot: number): string {
    let text = '';
    const end = this.ends[slot] as number;
    for (let from = this.start(slot); from < end; from += UNITS_AT_ONCE)
      text += String.fromCharCode(...this.units.subarray(from, Math.min(end, from + UNITS_AT_ONCE)));
    return text;
  }

  private start(slot: number): number {
    return slot === 0 ? 0 : (this.ends[slot - 1] as number);
  }

  /** Where the id is, or would be put. */
  private place(id: string, hash: number): number {
    const { table, hashes } = this;
    const mask = table.length - 1;
    let at = spread(hash) & mask;
    for (let found = table[at] as number; found !== 0; found = table[at] as number) {
      if (hashes[found - 1] === hash && this.is(found - 1, id)) return at;
      at = (at + 1) & mask;
    }
    return at;
  }

  private is(slot: number, id: string): boolean {
    const start = this.start(slot);
    const { units } = this;
    if ((this.ends[slot] as number) - start !== id.length) return false;
    for (let i = 0; i < id.length; i++) if (units[start + i] !== id.charCodeAt(i)) return false;
    return true;
  }

  private append(id: string): void {
    const { length } = id;
    const needed = this.used + length;
    if (needed > this.units.length) {
      const grown = Math.max(needed, 2 * this.units.length);
      this.take(this.isWide ? new Uint16Array(grown) : new Uint8Array(grown));
    }
    const { units, used } = this;
    let all = 0;
    for (let i = 0; i < length; i++) {
      const unit = id.charCodeAt(i);
      all |= unit;
      units[used + i] = unit;
    }
    if (all > BYTE_MAX && !this.isWide) {
      this.isWide = true;
      this.take(new Uint16Array(units.length));
      for (let i = 0; i < length; i++) this.units[used + i] = id.charCodeAt(i);
    }
    this.used = needed;
  }

  private take(units: Uint8Array | Uint16Array): void {
    units.set(this.units);
    this.units = units;
  }

  private grow(): void {
    const length = 2 * this.table.length;
    const hashes = new Int32Array(length / 2);
    hashes.set(this.hashes);
    const ends = new Float64Array(length / 2);
    ends.set(this.ends);
    const table = new Int32Array(length);
    for (let slot = 0; slot < this.count; slot++) {
      let at = spread(hashes[slot] as number) & (length - 1);
      while (table[at] !== 0) at = (at + 1) & (length - 1);
      table[at] = slot + 1;
    }
    this.hashes = hashes;
    this.ends = ends;
    this.table = table;
  }
}

/** FNV-1a over UTF-16 units. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return hash;
}

/** High bits count, too: the last characters of ids that are counted up differ in few. */
function spread(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
