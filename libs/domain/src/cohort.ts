// Whose predictions: of one model version or of all, and of all rows or of one slice of them. Windows, quality, alarms,
// counters, metrics and event ids are kept by cohort and name it by `cohortKey`. Which slices there are is the
// project's business, not this file's.

/** Rows whose column holds the value, written as text. */
export interface Slice {
  readonly column: string;
  readonly value: string;
}

export interface Cohort {
  readonly version: number | 'all';
  readonly slice: Slice | 'all';
}

/** Every version, every row. */
export const ALL: Cohort = Object.freeze({ version: 'all', slice: 'all' });

/** Cohorts kept of one project's window beside ALL. Past it a new one is refused: its rows count in ALL only. */
export const COHORTS_MAX = 64;

export function cohortOfVersion(version: number): Cohort {
  return { version, slice: 'all' };
}

/**
 * Text that is equal if and only if the cohorts are: "all", "3", "3;carrier=AA". Column and value are percent-encoded,
 * so that the key holds no '/', ';' or '=' of theirs and may stand in ids, paths and labels of metrics.
 */
export function cohortKey({ version, slice }: Cohort): string {
  return slice === 'all' ? `${version}` : `${version};${escaped(slice.column)}=${escaped(slice.value)}`;
}

const KEY = /^(all|[1-9]\d{0,8})(?:;([^;=/]+)=([^;=/]*))?$/;

/** undefined for what `cohortKey` never gives. */
export function parseCohortKey(key: string): Cohort | undefined {
  const parts = KEY.exec(key);
  if (parts === null) return undefined;
  const version = parts[1] === 'all' ? 'all' : Number(parts[1]);
  if (parts[2] === undefined) return { version, slice: 'all' };
  try {
    const cohort: Cohort = {
      version,
      slice: { column: decodeURIComponent(parts[2]), value: decodeURIComponent(parts[3] as string) },
    };
    return cohortKey(cohort) === key ? cohort : undefined;
  } catch {
    // A percent sign that begins no escape.
    return undefined;
  }
}

export function sameCohort(a: Cohort, b: Cohort): boolean {
  if (a.version !== b.version) return false;
  if (a.slice === 'all' || b.slice === 'all') return a.slice === b.slice;
  return a.slice.column === b.slice.column && a.slice.value === b.slice.value;
}

/** For people: "all versions", "version 3", "version 3 where carrier is AA". */
export function cohortText({ version, slice }: Cohort): string {
  const versions = version === 'all' ? 'all versions' : `version ${version}`;
  return slice === 'all' ? versions : `${versions} where ${slice.column} is ${slice.value}`;
}

/** ALL first, then by version, whole versions before their slices, slices by their text. */
export function compareCohorts(a: Cohort, b: Cohort): number {
  const version = rank(a.version) - rank(b.version);
  if (version !== 0) return version;
  if (a.slice === 'all' || b.slice === 'all') return Number(a.slice !== 'all') - Number(b.slice !== 'all');
  const [own, other] = [cohortKey(a), cohortKey(b)];
  return own < other ? -1 : Number(own > other);
}

function rank(version: number | 'all'): number {
  return version === 'all' ? 0 : version;
}

/**
 * encodeURIComponent throws at half a surrogate pair, which no UTF-8 can carry: it counts as the replacement character.
 */
function escaped(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\uFFFD'));
}

/**
 * Values by cohort, at most `max` of them. Whole versions are found without making a text, because that is what happens
 * for every prediction; slices by their key.
 */
export class CohortMap<V> {
  private readonly whole = new Map<number | 'all', { cohort: Cohort; value: V }>();
  private readonly sliced = new Map<string, { cohort: Cohort; value: V }>();

  constructor(private readonly max: number = Number.POSITIVE_INFINITY) {}

  get size(): number {
    return this.whole.size + this.sliced.size;
  }

  get(cohort: Cohort): V | undefined {
    return this.entry(cohort)?.value;
  }

  /** The value of the version's rows of all slices. */
  ofVersion(version: number | 'all'): V | undefined {
    return this.whole.get(version)?.value;
  }

  has(cohort: Cohort): boolean {
    return this.entry(cohort) !== undefined;
  }

  /** False where the map is full and does not hold the cohort: nothing changes then. */
  set(cohort: Cohort, value: V): boolean {
    const entry = this.entry(cohort);
    if (entry !== undefined) {
      entry.value = value;
      return true;
    }
    if (this.size >= this.max) return false;
    if (cohort.slice === 'all') this.whole.set(cohort.version, { cohort, value });
    else this.sliced.set(cohortKey(cohort), { cohort, value });
    return true;
  }

  delete(cohort: Cohort): void {
    if (cohort.slice === 'all') this.whole.delete(cohort.version);
    else this.sliced.delete(cohortKey(cohort));
  }

  clear(): void {
    this.whole.clear();
    this.sliced.clear();
  }

  /** In the order of `compareCohorts`. */
  cohorts(): Cohort[] {
    return [...this.whole.values(), ...this.sliced.values()].map(({ cohort }) => cohort).sort(compareCohorts);
  }

  /** In no particular order. */
  *values(): IterableIterator<V> {
    for (const { value } of this.whole.values()) yield value;
    for (const { value } of this.sliced.values()) yield value;
  }

  private entry(cohort: Cohort): { cohort: Cohort; value: V } | undefined {
    return cohort.slice === 'all' ? this.whole.get(cohort.version) : this.sliced.get(cohortKey(cohort));
  }
}
