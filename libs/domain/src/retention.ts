// Which of a project's things of one kind (dataset versions, model versions) its retention lets go of. One rule for all
// kinds: what something needs stays, then the newest so many, then what is young enough; the newest of all stays, so
// that numbers go on counting. O(things).

export interface RetentionRules {
  /** The newest ones; 0 = none of them for that alone. */
  readonly keep: number;
  /** Processing time; 0 = none for that alone. */
  readonly forMs: number;
}

export interface Fate<T> {
  readonly item: T;
  /** Why it stays; null = it goes. */
  readonly keptBy: string | null;
}

/** What a kind of things knows of one of them. */
export interface RetentionView<T> {
  /** What needs it, whatever the rules say; null = nothing. */
  neededBy(item: T): string | null;
  /** Whether it is among the newest `keep`. */
  isInPlace(item: T): boolean;
  /** In processing time. */
  ageMs(item: T): number;
}

/** @param items oldest first. @param rules undefined = everything stays */
export function fatesOf<T>(items: readonly T[], rules: RetentionRules | undefined, view: RetentionView<T>): Fate<T>[] {
  const newest = items.at(-1);
  return items.map((item) => {
    if (rules === undefined) return { item, keptBy: 'no retention is declared' };
    const need = view.neededBy(item);
    if (need !== null) return { item, keptBy: need };
    if (view.isInPlace(item)) return { item, keptBy: `one of the newest ${rules.keep}` };
    if (view.ageMs(item) < rules.forMs) return { item, keptBy: 'not as old as they are kept' };
    return { item, keptBy: item === newest ? 'the newest one' : null };
  });
}
