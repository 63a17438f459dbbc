// `npm test`: sets up what is missing (the tests' Python client too), runs every suite with jest, then the
// static checks; the last line counts all of them. With arguments (paths, -t …) only jest runs, on those.
//
// A suite that fails to load counts as one failed test, each static check as one test. Exit code 0 only when something ran
// and nothing failed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withCacheLock } from './cache.mjs';
import { cloneStateFolder, nodeBinary, root } from './paths.mjs';
import { probe } from './process.mjs';
import { pythonReady, setUpPython } from './python.mjs';
import { cloneEnvironment, setUp, writeSetupFile } from './setup.mjs';
import { say } from './terminal.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);

/** Name, command, and what a fault in it means. */
const staticChecks = [
  ['types', bin('tsc'), ['--noEmit', '-p', 'tsconfig.json']],
  ['format and lint', bin('biome'), ['check', '.']],
  ['wire contracts: lint', bin('buf'), ['lint']],
  ['workspace graph (nx)', bin('nx'), ['show', 'projects']],
];

/** The last tag, where there is one: the wire may not change against it. */
function breakingCheck() {
  const tag = probe('git', ['-C', root, 'describe', '--tags', '--abbrev=0']);
  return tag === undefined
    ? []
    : [[`wire contracts: nothing broken since ${tag}`, bin('buf'), ['breaking', '--against', `.git#tag=${tag}`]]];
}

function runStaticChecks() {
  let failed = 0;
  const checks = [...staticChecks, ...breakingCheck()];
  const env = cloneEnvironment({ NX_DAEMON: 'false', NX_NO_CLOUD: 'true' });
  for (const [name, command, args] of checks) {
    const result = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if (result.status === 0) say(`✓ ${name}`);
    else {
      failed++;
      say(`✗ ${name}\n${`${result.stdout ?? ''}${result.stderr ?? ''}`.trim()}`);
    }
  }
  return { passed: checks.length - failed, failed };
}

function runJest(args) {
  const outputFile = join(cloneStateFolder, `jest-${process.pid}.json`);
  mkdirSync(cloneStateFolder, { recursive: true });
  const nodeArgs = ['--no-warnings=ExperimentalWarning', '--experimental-vm-modules'];
  const jest = join(root, 'node_modules/jest/bin/jest.js');
  const options = ['--json', `--outputFile=${outputFile}`, '--forceExit'];
  // jest prints its report on stderr and, with --json, the result on stdout, which nobody wants to read.
  const result = spawnSync(nodeBinary, [...nodeArgs, jest, ...options, ...args], {
    cwd: root,
    env: cloneEnvironment({ NODE_OPTIONS: nodeArgs.join(' ') }),
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  if (!existsSync(outputFile)) return { passed: 0, failed: 1, ran: 0, code: result.status ?? 1 };
  const report = JSON.parse(readFileSync(outputFile, 'utf8'));
  rmSync(outputFile);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    ran: report.numTotalTests,
    code: result.status ?? 1,
  };
}

const ONE_BY_ONE = ['-i'];
/** Pure specs share the cores; what starts brokers, services or browsers runs alone, so that its bounds of time mean something. */
const PHASES = [
  ['--maxWorkers=2', '--testPathIgnorePatterns', '/node_modules/', '/dist/', '(int|e2e)-spec'],
  [...ONE_BY_ONE, '--testPathPatterns', '(int|e2e)-spec'],
];

/** Both phases, counted together. */
function runSuites(args) {
  const runs = (args.length > 0 ? [[...ONE_BY_ONE, ...args]] : PHASES).map(runJest);
  const sum = (key) => runs.reduce((total, run) => total + run[key], 0);
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    ran: Math.min(...runs.map((run) => run.ran)),
    code: sum('code'),
  };
}

async function main(args) {
  await setUp({ brokers: true });
  if (!pythonReady()) {
    await withCacheLock(setUpPython);
    writeSetupFile();
  }
  if (!['chromium', 'chromium-browser', 'google-chrome'].some((name) => probe(name, ['--version']))) {
    say('  Chromium is not installed: the dashboard suite will fail. Install it: apt-get install -y chromium');
  }
  const jest = runSuites(args);
  const checks = args.length > 0 ? { passed: 0, failed: 0 } : runStaticChecks();
  const passed = jest.passed + checks.passed;
  const failed = jest.failed + checks.failed;
  if (jest.ran === 0) say('no test ran');
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 && jest.ran > 0 && jest.code === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  say(`\nset-up failed: ${error.message}`);
  process.stdout.write('0 passed, 1 failed\n');
  process.exitCode = 1;
}
