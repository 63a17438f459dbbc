// `npm run test:soak`: set-up, then what takes minutes at its full counts: the simulations of the loop and of rollouts
// in steps over --histories of crashes, losses and repeats each (20,000 by default), then bench/soak (--requests,
// --reloads). `npm test` holds bounded slices of all. --only histories, or serving. Serving's needs Go for ghz.
import { parseArgs } from 'node:util';
import { probe } from './process.mjs';
import { runCompiled } from './run-cli.mjs';
import { setUp } from './setup.mjs';
import { runJest } from './suites.mjs';
import { say } from './terminal.mjs';

const SIMULATIONS = [
  'services/trainer/src/loop/loop-simulation.spec.ts',
  'services/router/src/control/step-histories.spec.ts',
];

function runHistories(histories) {
  process.env.TEST_HISTORIES = histories;
  const startedAtMs = Date.now();
  const { passed, failed } = runJest(SIMULATIONS);
  const seconds = Math.round((Date.now() - startedAtMs) / 1000);
  say(`${histories} histories of the loop, and of rollouts in steps: ${passed} passed, ${failed} failed, ${seconds} s`);
  return failed === 0 && passed > 0;
}

try {
  const { values } = parseArgs({
    options: {
      histories: { type: 'string', default: '20000' },
      only: { type: 'string', default: '' },
      requests: { type: 'string', default: '1000000' },
      reloads: { type: 'string', default: '1000' },
    },
  });
  const { histories, only, requests, reloads } = values;
  if (!['', 'histories', 'serving'].includes(only)) throw new Error(`--only ${only}: write histories or serving`);
  if (only !== 'histories' && probe('go', ['version']) === undefined)
    throw new Error('the soak test of serving needs Go (for ghz); install it: apt-get install -y golang');
  await setUp();
  const hold = only === 'serving' || runHistories(histories);
  const args = ['--requests', requests, '--reloads', reloads];
  const code = only === 'histories' ? 0 : await runCompiled('dist/bench/soak/main.js', args);
  process.exitCode = hold ? code : 1;
} catch (error) {
  say(`\nsoak test failed: ${error.message}`);
  process.exitCode = 1;
}
