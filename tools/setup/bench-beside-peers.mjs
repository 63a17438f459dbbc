// Runs a bench that measures Millrace beside MLServer and pytriton: set-up, their Python environments, then the bench
// with `--mlserver` and `--pytriton` before the arguments of this process. `--without mlserver,pytriton` leaves some out.
import { withCacheLock } from './lock.mjs';
import { setUpPeer } from './peers.mjs';
import { probe } from './process.mjs';
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

export async function benchBesidePeers(main) {
  try {
    if (probe('go', ['version']) === undefined)
      throw new Error('the bench needs Go (for ghz); install it: apt-get install -y golang');
    await setUp();
    const args = process.argv.slice(2);
    const at = args.indexOf('--without');
    const [, left = ''] = at < 0 ? [] : args.splice(at, 2);
    const wanted = ['mlserver', 'pytriton'].filter((peer) => !left.split(',').includes(peer));
    const peers = await withCacheLock(async () => {
      const found = [];
      for (const peer of wanted) found.push(`--${peer}`, await setUpPeer(peer));
      return found;
    });
    process.exitCode = await runCompiled(main, [...peers, ...args]);
  } catch (error) {
    say(`\nbench failed: ${error.message}`);
    process.exitCode = 1;
  }
}
