// The end of something that lives long, and what many short waits do about it: none of them holds it up, and none
// leaves anything behind. A promise of the end that every wait raced against would keep each of them until then.

export class Ending {
  private begun = false;
  private readonly wakers = new Set<() => void>();

  get hasBegun(): boolean {
    return this.begun;
  }

  /** Wakes who waits; who comes later does not wait. */
  begin(): void {
    this.begun = true;
    for (const wake of this.wakers) wake();
  }

  /** Until `work` is settled, whatever came of it, or the end has begun. */
  async orUntil(work: Promise<unknown>): Promise<void> {
    if (this.begun) return;
    await new Promise<void>((resolve) => {
      this.wakers.add(resolve);
      const settled = (): void => {
        this.wakers.delete(resolve);
        resolve();
      };
      work.then(settled, settled);
    });
  }
}
