// The coordinator's side of CollectiveService: one bidirectional stream per worker, taken as it is
// (@GrpcStreamCall): a worker is told something whenever the coordinator likes. The first message must be Hello.

import { create } from '@bufbuild/protobuf';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { collectivePb } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';
import { Controller, Inject } from '@nestjs/common';
import { GrpcStreamCall } from '@nestjs/microservices';
import { Duty } from '../duty/duty.js';
import { Coordinator, type WorkerLink } from './coordinator.js';
import { fromWorkerOfWire, type OneOf, toWorkerToWire } from './wire.js';

/** Streams beyond this are refused. */
const JOINED_MAX = 256;

/** Longest accepted worker id; it becomes a log field and a map key. */
const WORKER_ID_MAX = 128;

const log = logger('rendezvous');

/** Injection token. */
export const CLOCK = Symbol('clock');

type WorkerStream = ServerDuplexStream<OneOf, unknown>;

@Controller()
export class RendezvousGrpc {
  private streams = 0;

  constructor(
    @Inject(Coordinator) private readonly coordinator: Coordinator,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(Duty) private readonly duty: Duty,
  ) {}

  @GrpcStreamCall('CollectiveService', 'join')
  join(call: WorkerStream): void {
    // One that stands by has no work: the worker goes on to the next trainer.
    if (this.streams >= JOINED_MAX || !this.duty.isChosen) {
      call.end();
      return;
    }
    this.streams++;
    const { coordinator, clock } = this;
    let workerId: string | null = null;
    const link: WorkerLink = {
      send: (message) => {
        call.write(create(collectivePb.JoinResponseSchema, toWorkerToWire(message) as never));
      },
      close: () => call.end(),
    };
    call.on('data', (wire: OneOf) => {
      try {
        const message = fromWorkerOfWire(wire);
        if (message.kind === 'hello' && workerId === null) {
          if (message.workerId.length > WORKER_ID_MAX)
            throw new PlatformError('invalid_argument', 'worker id too long');
          workerId = message.workerId;
          coordinator.join(message, link, clock.nowMs());
        } else if (workerId === null) throw new PlatformError('invalid_argument', 'the first message must be hello');
        else coordinator.receive(workerId, message, clock.nowMs());
      } catch (error) {
        log.warn('worker stream refused', { worker: workerId ?? '' }, error);
        call.end();
      }
    });
    let ended = false;
    const end = (reason: string) => {
      if (ended) return;
      ended = true;
      this.streams--;
      if (workerId !== null) coordinator.leave(workerId, link, reason, clock.nowMs());
      call.end();
    };
    call.on('end', () => end('its stream ended'));
    call.on('close', () => end('its stream closed'));
    call.on('cancelled', () => end('its stream broke'));
    call.on('error', () => end('its stream failed'));
    // It may have gone before the handler was called.
    if (call.cancelled) end('its stream broke');
  }
}
