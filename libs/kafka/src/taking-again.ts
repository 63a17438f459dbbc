// What a process does where a write of a state's owner was refused, or may have been: nobody writes the number until it
// is known who holds it. A process that stood still for longer than its group waits was replaced, may be given the
// number back, and learns only from that write that its writer is not to use any more.

import type { Topic } from '@millrace/contracts';
import type { PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import type { KafkaStrategy } from './strategy.js';
import { untilAvailable } from './until-available.js';

/** Where one is refused again and again the topics are not read to their ends without a pause. */
const PAUSE_MS = 500;

export interface TakingAgainPorts {
  /** The group whose member holds the number; its `onAssigned` takes the writers over that are not to use. */
  group(): Pick<KafkaStrategy, 'confirm' | 'assignAgain'>;
  /** One that the group does not read. */
  topic: Topic;
  isEnding(): boolean;
}

export class TakingAgain {
  private readonly log = logger('kafka-transactions');
  private isWaiting = false;
  private inDoubt = false;

  constructor(private readonly ports: TakingAgainPorts) {}

  /** From the first refused write to the end of the assignment after it. */
  get isUnderWay(): boolean {
    return this.inDoubt;
  }

  /** The writer of the number is not to use any more, for this reason. */
  begin(number: number, error: PlatformError): void {
    if (this.isWaiting || this.ports.isEnding()) return;
    this.isWaiting = true;
    this.inDoubt = true;
    this.log.warn('a partition number is taken over again before anything is written', { number }, error);
    void this.assignWhenKnown();
  }

  /** What was assigned is held, and what its predecessors wrote is known. */
  assigned(): void {
    if (!this.isWaiting) this.inDoubt = false;
  }

  /** Only a member that the group knows takes over: one that stood still is none until it has joined again. */
  private async assignWhenKnown(): Promise<void> {
    const { group, topic, isEnding } = this.ports;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await untilAvailable('the group', async () => {
      if (!isEnding()) await group().confirm(topic);
    });
    this.isWaiting = false;
    if (!isEnding()) group().assignAgain();
  }
}
