// Runs every check and suite of the repository through nx (targets: tools/nx/workspace.mjs) and counts them. A target
// whose inputs have not changed since it passed comes from nx' cache and counts as passed. Two lanes run side by side,
// for suites with brokers and services wait much (for consumer groups and labels), and take one part after the other
// from one list; what later suites need of other people's servers is fetched beside them.
//
// A static check is one test; a suite that fails to load, or a jest that leaves no report, is one failed test.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { cloneStateFolder, nodeBinary, root } from './paths.mjs';
import { cloneEnvironment } from './setup.mjs';

const STATIC = ['lint', 'breaking', 'typecheck'];
/**
 * Parts whose suites take minutes, each for itself; the shorter ones follow together. The longer come first, so that
 * both lanes end at about the same minute; test-e2e when what it needs has been fetched.
 */
const LONG = ['monitor', 'ingest', 'serving', 'test-e2e', 'trainer', 'router'];
const NEEDS_PEERS = 'test-e2e';
const AS_IT_GOES = 'stream-without-prefixes';
/**
 * Of each failure, told once more at the end: what jest expected and got, and how it ended, which for a process that was
 * waited for is the end of its log.
 */
const FAILURE_LINES = { first: 16, last: 40 };
/**
 * A stage is phases, which so many lanes take one after the other; each jest is heard as it goes. Platforms that
 * promise something in seconds (e2e) have the machine to themselves: it holds beside one busy core, not beside a second
 * set of brokers and services.
 */
const STAGES = [
  {
    lanes: 2,
    phases: [
      { targets: [...STATIC, 'test'], style: 'static-failures-only' },
      ...LONG.map((part) => ({ targets: ['integration'], only: [part], style: AS_IT_GOES })),
      { targets: ['integration'], except: LONG, style: AS_IT_GOES },
    ],
  },
  { lanes: 1, phases: [{ targets: ['e2e'], style: AS_IT_GOES }] },
];

/** What failed, from jest's report: a test with the first and the last lines of why, a file that failed to load. */
export function failuresOf(report) {
  const { first, last } = FAILURE_LINES;
  const shortened = (text = '') => {
    const lines = text.split('\n');
    if (lines.length <= first + last) return text;
    return [...lines.slice(0, first), '…', ...lines.slice(-last)].join('\n');
  };
  return report.testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const tests = assertionResults.filter((test) => test.status === 'failed');
    if (tests.length === 0) return status === 'failed' ? [`${file}\n${shortened(message)}`] : [];
    return tests.map((test) => `${file}: ${test.fullName}\n${shortened(test.failureMessages[0])}`);
  });
}

function countOf(id, status) {
  const [project, target] = id.split(':');
  const passed = ['success', 'local-cache', 'local-cache-kept-existing'].includes(status);
  const failures = passed ? [] : [id];
  if (STATIC.includes(target)) return { passed: Number(passed), failed: Number(!passed), failures };
  const file = join(root, `dist/test-results/${project}-${target}.json`);
  if (!existsSync(file)) return { passed: 0, failed: 1, failures: [`${id} left no report`] };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  const named = failuresOf(report);
  return {
    passed: report.numPassedTests,
    failed: passed ? failed : Math.max(failed, 1),
    failures: named.length > 0 ? named : failures,
  };
}

/**
 * Of V8, for the many processes that suites start: a fifth of a start's time, for 15 MB more in each. Node checks every
 * entry against its source.
 */
const NODE_COMPILE_CACHE = join(cloneStateFolder, 'compile-cache');

/** nx, which ends its tasks when it is told to end (what a test has started ends with it), and what is fetched. */
const running = new Set();

function endAll() {
  for (const child of running) child.kill('SIGTERM');
  process.exit(130);
}

/** The servers that test/e2e/watch.int-spec.ts stands before; of an empty cache minutes that would be waited for. */
function fetchPeers() {
  const script = join(root, 'tools/setup/fetch-peers.mjs');
  const fetching = spawn(nodeBinary, [script, 'mlserver', 'pytriton'], { cwd: root, stdio: 'inherit' });
  running.add(fetching);
  return new Promise((ended) => fetching.once('error', ended).once('close', ended)).then(() => {
    running.delete(fetching);
  });
}

let phases = 0;

async function runPhase({ targets, style, only = [], except = [] }) {
  const outcomes = join(cloneStateFolder, `outcomes-${process.pid}-${phases++}.json`);
  const args = ['run-many', '-t', ...targets, '--parallel=1', `--outputStyle=${style}`, '--nxBail=false'];
  if (only.length > 0) args.push(`--projects=${only.join(',')}`);
  if (except.length > 0) args.push(`--exclude=${except.join(',')}`);
  const nx = spawn(nodeBinary, [join(root, 'node_modules/nx/dist/bin/nx.js'), ...args], {
    cwd: root,
    env: cloneEnvironment({
      NODE_COMPILE_CACHE,
      NX_TASK_OUTCOMES: outcomes,
      NX_NATIVE_COMMAND_RUNNER: 'false',
      NX_TUI: 'false',
    }),
    stdio: 'inherit',
  });
  running.add(nx);
  await new Promise((ended) => nx.once('error', ended).once('close', ended));
  running.delete(nx);
  // nx itself has failed.
  if (!existsSync(outcomes)) return [{ passed: 0, failed: 1, failures: [`nx ${args.join(' ')}`], cached: false }];
  const counts = Object.entries(JSON.parse(readFileSync(outcomes, 'utf8'))).map(([id, status]) => ({
    ...countOf(id, status),
    cached: status.startsWith('local-cache'),
  }));
  rmSync(outcomes);
  return counts;
}

/** `fetched`: when peers are there, or could not be fetched. */
async function runStage({ lanes, phases: listed }, fetched) {
  const left = [...listed];
  const counts = [];
  const lane = async () => {
    for (let phase = left.shift(); phase !== undefined; phase = left.shift()) {
      if (phase.only?.includes(NEEDS_PEERS)) await fetched;
      counts.push(...(await runPhase(phase)));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return counts;
}

/** Everything; `cached` are those of `passed` that did not have to run. */
export async function runEverything() {
  mkdirSync(cloneStateFolder, { recursive: true });
  // A report that an earlier run left must not count for one that ends without; nx restores those it takes from its
  // cache.
  rmSync(join(root, 'dist/test-results'), { recursive: true, force: true });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, endAll);
  const fetching = fetchPeers();
  const counts = [];
  for (const stage of STAGES) counts.push(...(await runStage(stage, fetching)));
  await fetching;
  const sum = (key, of = counts) => of.reduce((total, count) => total + count[key], 0);
  return {
    passed: sum('passed'),
    failed: sum('failed'),
    failures: counts.flatMap((count) => count.failures),
    cached: sum(
      'passed',
      counts.filter((count) => count.cached),
    ),
  };
}

/** jest alone, with arguments of its own (paths, -t …), one suite at a time. */
export function runJest(args) {
  const report = join(cloneStateFolder, `jest-${process.pid}.json`);
  mkdirSync(cloneStateFolder, { recursive: true });
  const nodeArgs = ['--no-warnings=ExperimentalWarning', '--experimental-vm-modules'];
  const options = ['-i', '--forceExit', '--json', `--outputFile=${report}`];
  spawnSync(nodeBinary, [...nodeArgs, join(root, 'node_modules/jest/bin/jest.js'), ...options, ...args], {
    cwd: root,
    env: cloneEnvironment(),
    stdio: ['inherit', 'ignore', 'inherit'],
  });
  if (!existsSync(report)) return { passed: 0, failed: 1, failures: ['jest left no report'], cached: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  rmSync(report);
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    // Jest has shown them.
    failures: [],
    cached: 0,
  };
}
