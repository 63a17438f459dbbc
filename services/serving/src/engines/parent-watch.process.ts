// A thread of an engine process that notices the end of serving when the model holds the main thread: descriptor 4 is
// closed by serving's end, whatever ended it. The main thread gets a moment to end by itself.

import { Socket } from 'node:net';

const GRACE_MS = 2_000;

const parent = new Socket({ fd: 4, readable: true, writable: false });
parent.on('error', () => undefined);
parent.on('close', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS);
});
parent.resume();
