// `npm run bench:rollout`: set-up, then bench/rollout (arguments are passed on).
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  await setUp();
  process.exitCode = await runCompiled('dist/bench/rollout/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nbench failed: ${error.message}`);
  process.exitCode = 1;
}
