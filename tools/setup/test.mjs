// `npm test`: sets up what is missing (the tests' Python environment, S3 server and browser too), then runs every check and suite
// (suites.mjs); the last line counts all of them. With arguments (paths, -t …) only jest runs, on those. Exit code 0
// only when something ran and nothing failed.
import { findChromium, setUpChromium } from './chromium.mjs';
import { gofakes3Ready, setUpGofakes3 } from './gofakes3.mjs';
import { withCacheLock } from './lock.mjs';
import { interruptibly } from './process.mjs';
import { pythonReady, setUpPython } from './python.mjs';
import { setUp, writeSetupFile } from './setup.mjs';
import { runEverything, runJest } from './suites.mjs';
import { say } from './terminal.mjs';

async function main(args) {
  await setUp({ brokers: true });
  if (!pythonReady() || !gofakes3Ready() || findChromium() === undefined) {
    const setUpClients = async () => {
      await setUpPython();
      await setUpGofakes3();
      await setUpChromium();
    };
    await interruptibly(() => withCacheLock(setUpClients));
    writeSetupFile();
  }
  const { passed, failed, failures, cached } = args.length > 0 ? runJest(args) : await runEverything();
  // Of thousands of lines the end is what a log keeps.
  for (const failure of failures) process.stdout.write(`\nfailed: ${failure}\n`);
  if (passed + failed === 0) say('no test ran');
  if (cached > 0) say(`${cached} of these passed before and nothing that they depend on has changed (cached)`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(`\nset-up failed: ${error.message}`);
  process.stdout.write('0 passed, 1 failed\n');
  process.exitCode = 1;
}
