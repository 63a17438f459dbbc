// The coordinator's side of CollectiveService: one bidirectional stream per worker. The first message must be Hello.

import { create } from '@bufbuild/protobuf';
import { CollectiveService, collectivePb } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { bindService, type GrpcServiceBinding } from '@millrace/grpc';
import { logger } from '@millrace/telemetry';
import type { Coordinator, WorkerLink } from './coordinator.js';
import { fromWorkerOfWire, type OneOf, toWorkerToWire } from './wire.js';

/** Streams beyond this are refused. */
const JOINED_MAX = 256;

/** Longest accepted worker id; it becomes a log field and a map key. */
const WORKER_ID_MAX = 128;

const log = logger('rendezvous');

export function rendezvousService(coordinator: Coordinator, clock: Clock): GrpcServiceBinding {
  let streams = 0;
  return bindService(CollectiveService, {
    join: (call) => {
      if (streams >= JOINED_MAX) {
        call.end();
        return;
      }
      streams++;
      let workerId: string | null = null;
      const link: WorkerLink = {
        send: (message) => {
          call.write(create(collectivePb.JoinResponseSchema, toWorkerToWire(message) as never));
        },
        close: () => call.end(),
      };
      call.on('data', (wire: unknown) => {
        try {
          const message = fromWorkerOfWire(wire as OneOf);
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
        streams--;
        if (workerId !== null) coordinator.leave(workerId, link, reason, clock.nowMs());
        call.end();
      };
      call.on('end', () => end('its stream ended'));
      call.on('close', () => end('its stream closed'));
      call.on('cancelled', () => end('its stream broke'));
      call.on('error', () => end('its stream failed'));
    },
  });
}
