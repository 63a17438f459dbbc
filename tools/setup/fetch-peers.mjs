// Installs the servers that tests put the platform before (peers.mjs) at the lowest priority: `npm test` starts it
// beside its first suites, which wait much, so that those that need them find them. A failure is theirs to tell: they
// try again.
import { constants, setPriority } from 'node:os';
import { withCacheLock } from './lock.mjs';
import { setUpPeer } from './peers.mjs';
import { interruptibly } from './process.mjs';

setPriority(constants.priority.PRIORITY_LOW);
for (const peer of process.argv.slice(2)) await interruptibly(() => withCacheLock(() => setUpPeer(peer)));
