// Waiting for the calls in flight of a version that has left the serving path, but not for ever: a stream without end
// or an engine that hangs must not hold its memory, nor hold up the loads behind it.

import { PlatformError } from '@millrace/domain';

/** Where nobody sets MILLRACE_SERVING_RETIRE_MAX. */
export const DRAIN_MAX_MS = 30_000;
/** For work that was told to stop; then the engine is closed under it. */
const ABORT_GRACE_MS = 1_000;

export interface DrainPorts {
  drainMaxMs: number;
  /** Runs a function once after a delay; the returned function takes it back. */
  after(delayMs: number, work: () => void): () => void;
  /** Refuses and aborts all that is open. */
  refuseOpen(error: PlatformError): void;
}

/** Resolves when `drained` does, at the latest a second after what was open at `drainMaxMs` was refused. */
export async function drainWithin(drained: Promise<void>, name: string, ports: DrainPorts): Promise<void> {
  let takeBack: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    takeBack = ports.after(ports.drainMaxMs, () => {
      takeBack = ports.after(ABORT_GRACE_MS, resolve);
      const why = `model '${name}' was replaced or unloaded, and the request did not end within ${ports.drainMaxMs} ms`;
      ports.refuseOpen(new PlatformError('unavailable', why));
    });
  });
  await Promise.race([drained, over]);
  takeBack();
}
