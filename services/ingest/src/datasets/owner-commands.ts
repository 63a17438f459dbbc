// Commands of commands.v1 for the owner of their project, each carried out beside the reading of rows, for which some
// of them wait; of one project one after the other. What was not carried out is not committed: the next owner gets it.

import type { DatasetAction } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';

export interface OwnerCommand {
  readonly offset: number;
  readonly project: string;
  readonly id: string;
  readonly issuedAtMs: number;
  readonly action: DatasetAction;
}

interface Queue {
  /** Offsets that were taken and not carried out. */
  readonly open: Set<number>;
  next: number;
}

export class OwnerCommands {
  private readonly queues = new Map<number, Queue>();
  private readonly tails = new Map<string, Promise<void>>();

  constructor(
    private readonly carryOut: (command: OwnerCommand) => Promise<void>,
    private readonly failed: (project: string, error: PlatformError) => void,
    /** Before what failed for a while is tried again. */
    private readonly pause: () => Promise<void>,
  ) {}

  hold(numbers: readonly number[]): void {
    for (const number of [...this.queues.keys()]) if (!numbers.includes(number)) this.queues.delete(number);
  }

  /** `next`: the offset after the batch that these are of. */
  take(partition: number, commands: readonly OwnerCommand[], next: number): void {
    let queue = this.queues.get(partition);
    if (queue === undefined) {
      queue = { open: new Set(), next };
      this.queues.set(partition, queue);
    }
    queue.next = Math.max(queue.next, next);
    for (const command of commands) {
      if (queue.open.has(command.offset)) continue;
      queue.open.add(command.offset);
      this.run(partition, queue, command);
    }
  }

  /** Where reading may begin again; null where nothing was taken. */
  position(partition: number): number | null {
    const queue = this.queues.get(partition);
    return queue === undefined ? null : Math.min(queue.next, ...queue.open);
  }

  private run(partition: number, queue: Queue, command: OwnerCommand): void {
    const { offset, project } = command;
    const work = async (): Promise<void> => {
      while (this.queues.get(partition) === queue) {
        try {
          await this.carryOut(command);
          queue.open.delete(offset);
          return;
        } catch (thrown) {
          this.failed(project, PlatformError.from(thrown));
          await this.pause();
        }
      }
    };
    const tail = (this.tails.get(project) ?? Promise.resolve()).then(work).finally(() => {
      if (this.tails.get(project) === tail) this.tails.delete(project);
    });
    this.tails.set(project, tail);
  }
}
