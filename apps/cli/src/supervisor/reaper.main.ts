// Ends the platform when its supervisor is killed (SIGKILL leaves no time to clean up): the supervisor holds this
// process's stdin open and says "done" before it leaves in order; end of input without that word means it died.
//
//   node reaper.main.js <home>

import { RunFolder } from './run-folder.fs.js';

const GRACE_MS = 10_000;

const home = process.argv[2];
if (home === undefined) process.exit(2);
let leftInOrder = false;
process.stdin.on('data', (chunk) => {
  if (chunk.toString().includes('done')) leftInOrder = true;
});
process.stdin.on('end', async () => {
  if (!leftInOrder) await new RunFolder(home).sweep(GRACE_MS);
  process.exit(0);
});
for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => undefined); // its end is the end of input
