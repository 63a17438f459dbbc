// `npm run bench`: set-up, then the measurements in bench/ (arguments are passed on). Needs Go for ghz.
import { probe } from './process.mjs';
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  if (probe('go', ['version']) === undefined)
    throw new Error('the bench needs Go (for ghz); install it: apt-get install -y golang');
  await setUp();
  process.exitCode = await runCompiled('dist/bench/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nbench failed: ${error.message}`);
  process.exitCode = 1;
}
