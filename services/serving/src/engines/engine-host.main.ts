// An engine process: loads one model and answers calls on descriptor 3 until serving closes it. Serving decides about
// its end, so signals to the whole group (Ctrl-C) are left to serving. When serving is killed, the closed pipe ends
// this process; while a model holds the thread, the watching thread on descriptor 4 does.

import { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { PlatformError, systemClock } from '@millrace/domain';
import { TENSOR_RUNTIMES } from '../runtime/tensor-runtimes.fs.js';
import { EngineHost } from './engine-host.js';
import { SharedBuffer } from './shared-buffer.js';
import { isMemoryFile, sharedFile } from './shared-file.process.js';

process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
// The message last: the last words of a process become the reason of its end.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${error.stack ?? ''}\nuncaught: ${error.message}\n`);
  process.exit(1);
});

const pipe = new Socket({ fd: 3, readable: true, writable: true });
const host = new EngineHost({
  clock: systemClock,
  allocate: (bytes) => Buffer.allocUnsafe(bytes),
  send: (parts) => {
    if (pipe.destroyed) return;
    pipe.cork();
    for (const part of parts) pipe.write(part);
    pipe.uncork();
  },
  unsentBytes: () => pipe.writableLength,
  // Where serving has no memory file, descriptor 5 is /dev/null: writes to it vanish, so it must not be used.
  shared: new SharedBuffer(isMemoryFile(5) ? sharedFile(5, 'engine') : undefined),
  load: async (platform, source) => {
    const runtime = TENSOR_RUNTIMES.find((candidate) => candidate.platform === platform);
    if (!runtime) throw new PlatformError('corrupt', `no runtime for the platform '${platform}'`);
    return runtime.load(source);
  },
});

/** A model whose close() hangs must not keep the process. */
const CLOSE_MAX_MS = 1_000;

let ending = false;
const end = (): void => {
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(0), CLOSE_MAX_MS);
  host.close().then(
    () => process.exit(0),
    (thrown) => {
      process.stderr.write(`closing the model failed: ${PlatformError.from(thrown).reason}\n`);
      process.exit(0);
    },
  );
};
pipe.on('data', (chunk: Uint8Array) => host.receive(chunk));
pipe.on('end', end);
pipe.on('error', end);

new Worker(new URL('./parent-watch.process.js', import.meta.url), {
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
}).unref();
