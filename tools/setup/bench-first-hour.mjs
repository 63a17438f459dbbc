// `npm run bench:first-hour`: set-up, scikit-learn and the tables in an environment of their own, then bench/first-hour.
import { withCacheLock } from './lock.mjs';
import { setUpPeer } from './peers.mjs';
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  await setUp();
  const python = await withCacheLock(() => setUpPeer('tables'));
  process.exitCode = await runCompiled('dist/bench/first-hour/main.js', [python, ...process.argv.slice(2)]);
} catch (error) {
  say(`\nbench failed: ${error.message}`);
  process.exitCode = 1;
}
