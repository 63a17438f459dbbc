// `npm run test:soak`: set-up, then the long tests in bench/soak at their full counts (arguments are passed on). About
// five minutes; `npm test` holds bounded slices of them. Needs Go for ghz.
import { probe } from './process.mjs';
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  if (probe('go', ['version']) === undefined)
    throw new Error('the soak test needs Go (for ghz); install it: apt-get install -y golang');
  await setUp();
  process.exitCode = await runCompiled('dist/bench/soak/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nsoak test failed: ${error.message}`);
  process.exitCode = 1;
}
