// A ModelStreamInfer that belongs to a server elsewhere: messages both ways as they come, each side at the other's
// pace, and the end as the server gave it.

import type { BytesStream } from '@millrace/grpc';
import { GRPC_STATUS } from '@millrace/routing';
import type { StreamThere, UpstreamDoor } from './upstream-door.js';

/** Sets the stream's callbacks; the first message is given again by the caller. */
export function passStream(stream: BytesStream, door: Pick<UpstreamDoor, 'streamMessage'>, there: StreamThere): void {
  let over = false;
  const open = there.open({
    message: (bytes) => {
      if (!stream.write(bytes)) open.pause();
    },
    drained: () => stream.resume(),
    end: ({ status, message }) => {
      over = true;
      there.ended(status);
      if (status === GRPC_STATUS.OK) stream.end();
      else stream.refuse(status, message);
    },
  });
  stream.onMessage = (message) => {
    if (!over && !open.write(door.streamMessage(message))) stream.pause();
  };
  stream.onDrain = () => open.resume();
  stream.onEnd = () => open.endWriting();
  stream.onCancel = () => {
    if (over) return;
    over = true;
    there.ended(GRPC_STATUS.CANCELLED);
    open.cancel();
  };
}
