// The REST of all servings as one: a request goes to the next of those that are there, as it came.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Forward, type Forwarded } from './forward.http.js';
import { loadsOne } from './loads-one.js';

/** What is done to one process and means all of them. */
const LOADS = /^\/v2\/repository\/models\/[^/]+\/(?:un)?load$/;

export interface ServingPlace {
  /** host:port of its gRPC, by which the relay knows it. */
  address: string;
  host: string;
  httpPort: number;
}

export class ServingRest {
  private readonly servings: { address: string; forward: Forward }[];
  private turn = 0;

  constructor(
    places: readonly ServingPlace[],
    private readonly targetsUp: () => readonly string[],
  ) {
    this.servings = places.map(({ address, host, httpPort }) => ({
      address,
      forward: new Forward(host, httpPort, 'serving'),
    }));
  }

  close(): void {
    for (const { forward } of this.servings) forward.close();
  }

  forward(request: IncomingMessage, response: ServerResponse, forwarded: Forwarded): Promise<void> {
    if (this.servings.length > 1 && LOADS.test(forwarded.path.split('?', 1)[0] as string)) {
      request.resume();
      return Promise.reject(loadsOne(this.servings.length));
    }
    const up = this.targetsUp();
    const there = this.servings.filter(({ address }) => up.includes(address));
    const among = there.length > 0 ? there : this.servings;
    const chosen = among[this.turn++ % among.length] as { forward: Forward };
    return chosen.forward.forward(request, response, forwarded);
  }
}
