// Whether servers that are not ours are ready, by their own word: the one behind the whole router, looked at now and
// then, and the model of a version before it gets traffic.

import type { Clock } from '@millrace/domain';
import { GRPC_STATUS } from '@millrace/routing';
import { newBytes, textFieldBytes, WireWriter } from '@millrace/wire';
import type { UpstreamDoor } from './upstream-door.js';
import type { UpstreamVersion } from './upstream-table.js';

const SERVICE = '/inference.GRPCInferenceService';
/** One question; a rollout asks many times. */
const QUESTION_MS = 1_000;

export class UpstreamReadiness {
  ready = false;

  constructor(
    private readonly door: Pick<UpstreamDoor, 'ask'>,
    private readonly clock: Clock,
  ) {}

  /** Keeps in mind what the server says. */
  async look(address: string): Promise<void> {
    this.ready = await this.asked(address, 'ServerReady', new Uint8Array(0));
  }

  /** Anything but a clear yes is a no. ModelReadyRequest{1 name, 2 version}. */
  modelReady({ upstream }: Pick<UpstreamVersion, 'upstream'>): Promise<boolean> {
    const { address, model, version } = upstream;
    const writer = new WireWriter(newBytes(textFieldBytes(model) + textFieldBytes(version)));
    writer.text(1, model);
    writer.text(2, version);
    return this.asked(address, 'ModelReady', writer.bytes);
  }

  /** The answer is {1 ready}. */
  private asked(address: string, method: string, request: Uint8Array): Promise<boolean> {
    const deadlineAtMs = this.clock.monotonicMs() + QUESTION_MS;
    return new Promise((resolve) => {
      this.door.ask(address, { path: `${SERVICE}/${method}`, deadlineAtMs, headers: {} }, request, (answer) => {
        const [tag, value] = answer.response;
        resolve(answer.status === GRPC_STATUS.OK && tag === 0x08 && value === 1);
      });
    });
  }
}
