// Ids for requests that bring none: a random part for the process, and a counter.

import type { Rng } from '@millrace/domain';

export class RequestIds {
  private readonly prefix: string;
  private count = 0;

  constructor(rng: Rng) {
    const word = () =>
      rng
        .below(36 ** 5)
        .toString(36)
        .padStart(5, '0');
    this.prefix = `${word()}${word()}`;
  }

  next(): string {
    return `${this.prefix}-${(this.count++).toString(36)}`;
  }
}
