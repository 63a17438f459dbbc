// `npm run test:faults`: set-up, then the fault suite in bench/faults (arguments are passed on). About two hours;
// `npm test` runs a slice of it.
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { say } from './terminal.mjs';

try {
  await setUp();
  process.exitCode = await runCompiled('dist/bench/faults/main.js', process.argv.slice(2));
} catch (error) {
  say(`\nfault suite failed: ${error.message}`);
  process.exitCode = 1;
}
