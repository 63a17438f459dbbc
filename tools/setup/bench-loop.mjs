// `npm run bench:loop`: set-up, then bench/loop (arguments are passed on). About five minutes on two cores.
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  await setUp();
  process.exitCode = await runCompiled('dist/bench/loop/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nbench failed: ${error.message}`);
  process.exitCode = 1;
}
