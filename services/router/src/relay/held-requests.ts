// Requests that are to be sent again later; of them those that wait for their version to be loaded, by version, so that
// an answer of one version does not look through all that wait for others: where the budget of retries is used up
// thousands wait, and thousands are answered a second. O(1) each; memory: what is held.

interface Held {
  readonly model: string;
  readonly version: number;
  /** Streams that broke while it was on its way: 0 = it was refused. */
  readonly breaks: number;
}

export class HeldRequests<R extends Held> {
  private readonly all = new Set<R>();
  private readonly refused = new Map<string, Set<R>>();

  get size(): number {
    return this.all.size;
  }

  add(request: R): void {
    this.all.add(request);
    if (request.breaks > 0) return;
    const key = keyOf(request);
    const same = this.refused.get(key) ?? new Set<R>();
    same.add(request);
    this.refused.set(key, same);
  }

  delete(request: R): void {
    if (!this.all.delete(request)) return;
    const key = keyOf(request);
    const same = this.refused.get(key);
    if (same?.delete(request) === true && same.size === 0) this.refused.delete(key);
  }

  /** As they came; whoever goes through them may delete. */
  [Symbol.iterator](): Iterator<R> {
    return this.all.values();
  }

  /** Those that were refused because the version was not there. */
  waitingFor(version: Pick<Held, 'model' | 'version'>): Iterable<R> {
    return this.refused.size === 0 ? [] : (this.refused.get(keyOf(version)) ?? []);
  }
}

const keyOf = ({ model, version }: Pick<Held, 'model' | 'version'>): string => `${version} ${model}`;
