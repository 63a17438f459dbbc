// `npm run bench:live`: set-up, then bench/live (arguments are passed on).
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  await setUp();
  process.exitCode = await runCompiled('dist/bench/live/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nbench failed: ${error.message}`);
  process.exitCode = 1;
}
