// A worker's line to its primary, and over it to the other workers.

import cluster from 'node:cluster';
import { ERROR_CODES, type ErrorCode, PlatformError } from '@millrace/domain';
import type { RepositoryControl } from '../models/repository-control.js';
import type { Question, Reply, ToPrimary, ToWorker, WireError } from './worker-messages.js';

export class WorkerLink implements RepositoryControl {
  private readonly waiting = new Map<number, (replies: readonly Reply[]) => void>();
  private count = 0;
  private answer: (question: Question) => Promise<unknown> = () => Promise.reject(new Error('not started yet'));

  /** undefined in a process that speaks alone. */
  static current(): WorkerLink | undefined {
    return cluster.isWorker ? new WorkerLink() : undefined;
  }

  private constructor() {
    process.on('message', (message: ToWorker) => {
      if (message?.to !== 'worker') return;
      if (message.kind === 'question') void this.reply(message.id, message.question);
      else {
        this.waiting.get(message.id)?.(message.replies);
        this.waiting.delete(message.id);
      }
    });
  }

  /** `answer` gives what this worker says to a question, or throws. */
  listen(answer: (question: Question) => Promise<unknown>): void {
    this.answer = answer;
  }

  ready(): void {
    this.send({ to: 'primary', kind: 'ready' });
  }

  /** Of every worker, this one among them. */
  ask(question: Question): Promise<readonly Reply[]> {
    return this.replies((id) => this.send({ to: 'primary', kind: 'ask', id, question }));
  }

  /** Loads and unloads that the other workers have had before this one started. */
  async changes(): Promise<Question[]> {
    const replies = await this.replies((id) => this.send({ to: 'primary', kind: 'catch-up', id }));
    return replies.flatMap((reply) => ('value' in reply ? [reply.value as Question] : []));
  }

  async load(model: string, parameters: Parameters<RepositoryControl['load']>[1]): Promise<void> {
    await this.change({ kind: 'load', model, parameters });
  }

  async unload(model: string, dependents: boolean): Promise<void> {
    await this.change({ kind: 'unload', model, dependents });
  }

  private async change(question: Question): Promise<void> {
    for (const reply of await this.ask(question)) if ('error' in reply) throw errorOf(reply.error);
  }

  private replies(begin: (id: number) => void): Promise<readonly Reply[]> {
    const id = ++this.count;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      begin(id);
    });
  }

  private async reply(id: number, question: Question): Promise<void> {
    try {
      this.send({ to: 'primary', kind: 'reply', id, value: (await this.answer(question)) ?? null });
    } catch (thrown) {
      const { code, reason } = PlatformError.from(thrown);
      this.send({ to: 'primary', kind: 'reply', id, error: { code, reason } });
    }
  }

  private send(message: ToPrimary): void {
    // Without its primary a worker ends; what it still wanted to say has no reader.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  }
}

function errorOf({ code, reason }: WireError): PlatformError {
  const known = (ERROR_CODES as readonly string[]).includes(code);
  return new PlatformError(known ? (code as ErrorCode) : 'internal', reason);
}
