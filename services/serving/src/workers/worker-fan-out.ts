// The primary's side of what workers ask each other. A look goes to all at once. A load or unload goes to one worker
// after the other: what the first refuses the others never see, so that all go on serving the same. It is remembered,
// one per model, for workers that start later. Looks wait for a worker LOOK_MS at most, changes CHANGE_MS.

import { isChange, type Question, type Reply, type ToPrimary, type ToWorker } from './worker-messages.js';

/** A worker that does not answer a look in this time is left out of it. */
const LOOK_MS = 2_000;
/** Loading and warming up a large model. */
const CHANGE_MS = 600_000;
/** Models whose last change is remembered; the oldest is forgotten. */
const CHANGES_MAX = 1_024;
/**
 * Bytes of their files and configurations; the oldest are forgotten: a worker that starts later takes those from the
 * folder.
 */
export const CHANGES_BYTES_MAX = 256 * 1_048_576;

export interface WorkerFanOutPorts {
  send(worker: string, message: ToWorker): void;
  /** Runs `work` once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
}

interface Pending {
  worker: string;
  resolve(reply: Reply): void;
  stop(): void;
}

type Change = Extract<Question, { model: string; kind: 'load' | 'unload' }>;

function bytesOf(change: Change): number {
  if (change.kind === 'unload') return 0;
  let bytes = change.parameters.config?.length ?? 0;
  for (const file of change.parameters.files.values()) bytes += file.byteLength;
  return bytes;
}

export class WorkerFanOut {
  private readonly ready = new Set<string>();
  private readonly pending = new Map<number, Pending>();
  private readonly changes = new Map<string, Change>();
  private changesBytes = 0;
  private turn: Promise<void> = Promise.resolve();
  private count = 0;

  constructor(private readonly ports: WorkerFanOutPorts) {}

  receive(worker: string, message: ToPrimary): void {
    switch (message.kind) {
      case 'ready':
        this.ready.add(worker);
        return;
      case 'reply':
        this.answered(worker, message);
        return;
      case 'catch-up': {
        const replies = [...this.changes.values()].map((value) => ({ worker: '', value }));
        this.ports.send(worker, { to: 'worker', kind: 'replies', id: message.id, replies });
        return;
      }
      case 'ask':
        void this.ask(worker, message.id, message.question);
    }
  }

  /** The worker ended: nobody waits for it any longer. */
  gone(worker: string): void {
    this.ready.delete(worker);
    for (const [id, one] of this.pending) {
      if (one.worker === worker)
        this.settle(id, { worker, error: { code: 'unavailable', reason: 'the worker ended' } });
    }
  }

  private async ask(from: string, id: number, question: Question): Promise<void> {
    // Whoever asks can answer, also when it has not said yet that it is ready.
    const workers = [...new Set([...this.ready, from])].sort();
    const replies = isChange(question)
      ? await this.inTurn(() => this.change(workers, question))
      : await Promise.all(workers.map((worker) => this.question(worker, question, LOOK_MS)));
    this.ports.send(from, { to: 'worker', kind: 'replies', id, replies });
  }

  private async change(workers: readonly string[], question: Change): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (const worker of workers) {
      const reply = await this.question(worker, question, CHANGE_MS);
      // One that dies on the way comes back and catches up; it is no reason to refuse.
      const ended = 'error' in reply && !this.ready.has(worker) && replies.length > 0;
      if (ended) continue;
      replies.push(reply);
      if ('error' in reply) return replies;
    }
    this.remember(question);
    return replies;
  }

  private remember(change: Change): void {
    this.forget(change.model);
    this.changes.set(change.model, change);
    this.changesBytes += bytesOf(change);
    while (this.changes.size > CHANGES_MAX || this.changesBytes > CHANGES_BYTES_MAX) {
      this.forget(this.changes.keys().next().value as string);
    }
  }

  private forget(model: string): void {
    const known = this.changes.get(model);
    if (known === undefined) return;
    this.changesBytes -= bytesOf(known);
    this.changes.delete(model);
  }

  private question(worker: string, question: Question, withinMs: number): Promise<Reply> {
    const id = ++this.count;
    return new Promise((resolve) => {
      const stop = this.ports.after(withinMs, () =>
        this.settle(id, { worker, error: { code: 'deadline_exceeded', reason: `no answer within ${withinMs} ms` } }),
      );
      this.pending.set(id, { worker, resolve, stop });
      this.ports.send(worker, { to: 'worker', kind: 'question', id, question });
    });
  }

  private answered(worker: string, { id, value, error }: ToPrimary & { kind: 'reply' }): void {
    if (this.pending.get(id)?.worker === worker) this.settle(id, error ? { worker, error } : { worker, value });
  }

  private settle(id: number, reply: Reply): void {
    const one = this.pending.get(id);
    if (!one) return;
    this.pending.delete(id);
    one.stop();
    one.resolve(reply);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const before = this.turn;
    let done = () => {};
    this.turn = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      return await work();
    } finally {
      done();
    }
  }
}
