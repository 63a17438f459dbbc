// Unary calls to all servings as one: a call goes to the next of those that are there, and to another one where nobody
// takes it; a version is ready when all that are there have it, or after a while when some have.

import type { Clock } from '@millrace/domain';
import { GRPC_STATUS } from '@millrace/routing';
import { PartlyReady } from './partly-ready.js';
import { ServingClient, type UnaryAnswer } from './serving.grpc.js';

export interface ServingCalls {
  /** How many servings there may be. */
  readonly count: number;
  unary(
    path: string,
    request: Buffer,
    deadlineMs: number,
    answer: (answer: UnaryAnswer) => void,
    timeoutMaxMs?: number,
  ): () => void;
}

export class Servings implements ServingCalls {
  private readonly clients: Map<string, ServingClient>;
  private readonly partly = new PartlyReady();
  private turn = 0;

  constructor(
    addresses: readonly string[],
    private readonly clock: Clock,
    private readonly targetsUp: () => readonly string[],
  ) {
    this.clients = new Map(addresses.map((address) => [address, new ServingClient(address, clock)]));
  }

  get count(): number {
    return this.clients.size;
  }

  unary(
    path: string,
    request: Buffer,
    deadlineMs: number,
    answer: (answer: UnaryAnswer) => void,
    timeoutMaxMs?: number,
  ): () => void {
    const clients = this.there();
    const first = this.turn++;
    let cancel: () => void = () => undefined;
    const ask = (tried: number): void => {
      const client = clients[(first + tried) % clients.length] as ServingClient;
      cancel = client.unary(
        path,
        request,
        deadlineMs,
        (told) => {
          const isAway = told.kind === 'error' && told.status === GRPC_STATUS.UNAVAILABLE;
          if (isAway && tried + 1 < clients.length) ask(tried + 1);
          else answer(told);
        },
        timeoutMaxMs,
      );
    };
    ask(0);
    return () => cancel();
  }

  async modelReady(model: string, version: number): Promise<boolean> {
    const ready = await Promise.all(this.there().map((client) => client.modelReady(model, version)));
    return this.partly.isReady(model, version, ready, this.clock.monotonicMs());
  }

  /** Of those that are there one has it: requests find their way to it. */
  async modelReadySomewhere(model: string, version: number): Promise<boolean> {
    const ready = await Promise.all(this.there().map((client) => client.modelReady(model, version)));
    return ready.some(Boolean);
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
  }

  /** All of them where none has a stream: they are asked in any case. */
  private there(): ServingClient[] {
    const up = this.targetsUp().flatMap((address) => this.clients.get(address) ?? []);
    return up.length > 0 ? up : [...this.clients.values()];
  }
}
