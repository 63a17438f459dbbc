// `millrace doctor`: what this machine and clone have, what is missing, and the one command that mends it. Runs on bare
// Node before anything is installed. Set-up makes the same check first and fails on missing prerequisites before doing
// work.
//
//   node tools/setup/doctor.mjs [--json]     exit code 0: everything needed is there; 1: something is missing
import { existsSync, mkdirSync, readdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brokersReady } from './brokers.mjs';
import { folderBytes } from './cache.mjs';
import { findChromium } from './chromium.mjs';
import { packagesReady } from './packages.mjs';
import {
  brokersFolder,
  cacheRoot,
  device,
  kafkaVersion,
  nodeBinary,
  nodeVersion,
  redisBinary,
  root,
  tensorflowFolder,
  tensorflowVersion,
} from './paths.mjs';
import { probe } from './process.mjs';
import { pythonReady } from './python.mjs';
import { addonReady, downloadBytes, gpuFaults, libraryReady } from './tensorflow.mjs';
import { megabytes } from './terminal.mjs';

/** Bytes that set-up loads for each part, measured on an empty cache. */
const sizes = { packages: 480e6, brokers: 80e6, python: 70e6, chromium: 70e6 };
/** Unpacked on disk, with room for the downloads beside them. */
const diskBytesNeeded = 3e9;
/**
 * Setting, default, what listens there. A list of its own, for doctor runs before anything is built; test/deploy holds it
 * equal to libs/deployment's.
 */
const ports = [
  ['MILLRACE_KAFKA_PORT', 19092, 'Kafka'],
  ['MILLRACE_REDIS_PORT', 16379, 'Redis'],
  ['MILLRACE_ROUTER_HTTP_PORT', 8000, 'router REST'],
  ['MILLRACE_ROUTER_GRPC_PORT', 8001, 'router gRPC'],
  ['MILLRACE_ROUTER_METRICS_PORT', 8002, 'router metrics'],
  ['MILLRACE_ROUTER_CONTROL_PORT', 8003, 'router control'],
  ['MILLRACE_ROUTER_CONTROL_GRPC_PORT', 8004, 'router control gRPC'],
  ['MILLRACE_INGEST_HTTP_PORT', 8010, 'ingest HTTP'],
  ['MILLRACE_INGEST_GRPC_PORT', 8011, 'ingest gRPC'],
  ['MILLRACE_TRAINER_HTTP_PORT', 8020, 'trainer HTTP'],
  ['MILLRACE_TRAINER_GRPC_PORT', 8021, 'trainer gRPC'],
  ['MILLRACE_SERVING_HTTP_PORT', 8030, 'serving HTTP'],
  ['MILLRACE_SERVING_GRPC_PORT', 8031, 'serving gRPC'],
  ['MILLRACE_MONITOR_HTTP_PORT', 8040, 'monitor HTTP'],
  ['MILLRACE_MONITOR_GRPC_PORT', 8041, 'monitor gRPC'],
];

const firstLine = (text) => text?.split('\n')[0];

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {'machine' | 'set-up' | 'optional' | 'note'} kind  machine: must be there before set-up; set-up: npm start
 * brings it
 * @property {boolean} ok
 * @property {string} found
 * @property {string} [needs]     who needs it, for optional ones
 * @property {string} [packages]  Debian packages that bring it
 * @property {string} [mend]      the one command, where it is not apt-get
 * @property {number} [bytes]     download
 */

/** @returns {Check[]} what set-up cannot bring itself */
export function machineChecks() {
  const node = process.versions.node;
  const python = probe('python3', [
    '-c',
    'import sys; print("%d.%d.%d" % sys.version_info[:3]); sys.exit(sys.version_info < (3, 10))',
  ]);
  const pip = python === undefined ? undefined : probe('python3', ['-m', 'pip', '--version']);
  const java = probe('java', ['-version']);
  const javaMajor = Number(/version "(\d+)/.exec(java ?? '')?.[1] ?? 0);
  const maven = probe('mvn', ['-version']);
  const compiler = probe('g++', ['--version']);
  const here = [`${process.platform}-${process.arch}`, process.platform === 'linux' && process.arch === 'x64'];
  const check = (name, ok, found, packages) => ({
    name,
    kind: 'machine',
    ok: Boolean(ok),
    found: found || 'not found',
    packages,
  });
  return [
    { ...check('platform', here[1], here[0]), mend: 'use an x86-64 Linux machine: TensorFlow is pinned for it only' },
    { ...check('Node ≥ 20', Number(node.split('.')[0]) >= 20, node), mend: 'install Node 20 or newer' },
    check('npm', probe('npm', ['--version']), probe('npm', ['--version']), 'npm'),
    check('Python ≥ 3.10', python, python, 'python3'),
    check('pip', pip, pip?.split(' from ')[0], 'python3-pip'),
    check('Java ≥ 17', javaMajor >= 17, firstLine(java), 'openjdk-17-jre-headless'),
    check('Maven', maven, /Apache Maven [\d.]+/.exec(maven ?? '')?.[0], 'maven'),
    check('g++', compiler, firstLine(compiler), 'g++'),
  ];
}

function diskCheck() {
  let folder = cacheRoot;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return {
    name: 'free disk',
    kind: 'machine',
    ok: free >= diskBytesNeeded,
    found: `${megabytes(free)} in ${folder}`,
    mend: `free ${megabytes(diskBytesNeeded)} there, or set MILLRACE_CACHE to another disk`,
  };
}

function addonProbe() {
  const script =
    "const tf = require('@tensorflow/tfjs-node-gpu'); console.log(tf.getBackend() + ' ' + (tf.backend().isUsingGpuDevice ? 'gpu' : 'cpu'))";
  const output = probe(nodeBinary, ['-e', script], 60_000);
  return /^tensorflow (cpu|gpu)$/m.exec(output ?? '')?.[1];
}

/** @returns {Check[]} what npm start brings */
function setupChecks() {
  const wanted = device();
  const check = (name, ok, found, bytes) => ({
    name,
    kind: 'set-up',
    ok,
    found: ok ? found : 'not set up yet',
    bytes,
    mend: 'npm start',
  });
  const packages = packagesReady();
  const linked = packages && addonReady(wanted);
  const used = linked ? addonProbe() : undefined;
  return [
    check('npm packages', packages, `as package-lock.json says, Node ${nodeVersion} among them`, sizes.packages),
    check('Kafka', brokersReady(), `${kafkaVersion} in ${brokersFolder}`, sizes.brokers),
    check('Redis', brokersReady(), firstLine(probe(redisBinary, ['--version'])) ?? 'does not run here', 0),
    check(
      `TensorFlow library (${wanted})`,
      libraryReady(wanted),
      `${tensorflowVersion} in ${tensorflowFolder(wanted)}`,
      downloadBytes[wanted],
    ),
    check('TensorFlow addon', used !== undefined, `loads, computes on the ${used}`, 0),
  ];
}

/** @returns {Check[]} */
function optionalChecks() {
  const go = probe('go', ['version']);
  const browser = findChromium()?.binary;
  const faults = gpuFaults();
  const gpu =
    faults.length === 0
      ? firstLine(probe('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']))
      : undefined;
  const optional = (name, ok, found, needs, rest) => ({
    name,
    kind: 'optional',
    ok: Boolean(ok),
    found: found || 'not found',
    needs,
    ...rest,
  });
  return [
    optional('Go', go, go, 'npm test (an S3 server), npm run bench (ghz)', { packages: 'golang' }),
    optional('Chromium', browser, browser, 'npm test (the dashboard)', { mend: 'npm test', bytes: sizes.chromium }),
    optional(
      'Python for tests',
      pythonReady(),
      'tritonclient and moto in an environment of their own',
      'npm test (a real V2 client, an S3 server)',
      { mend: 'npm test', bytes: sizes.python },
    ),
    {
      ...optional(
        'GPU and driver',
        faults.length === 0,
        gpu ?? (faults.length === 0 ? 'a driver, but no nvidia-smi' : faults.join('; ')),
        'MILLRACE_DEVICE=gpu',
      ),
      // With that setting it is no option any more.
      kind: device() === 'gpu' ? 'machine' : 'optional',
      mend: 'install the NVIDIA driver (525 or newer), or leave MILLRACE_DEVICE at cpu',
    },
  ];
}

async function portCheck() {
  const free = (port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
  const offset = Number(process.env.MILLRACE_PORT_OFFSET || 0);
  const busy = [];
  for (const [setting, usual, what] of ports) {
    const port = Number(process.env[setting] || usual + offset);
    if (!(await free(port))) busy.push(`${port} (${what}, ${setting})`);
  }
  return {
    name: 'ports',
    kind: 'note',
    ok: busy.length === 0,
    found: busy.length === 0 ? 'all free' : `busy: ${busy.join(', ')}`,
    mend: 'stop what listens there (millrace itself, if it runs), or move the port by its setting',
  };
}

/** Prints the place and, where it cannot be reached, why; by the platform's own code, once it is built. */
const ARTIFACTS_SCRIPT = `
  const { openArtifactStore } = await import('${pathToFileURL(root)}/dist/libs/artifacts/src/index.js');
  const { loadConfig } = await import('${pathToFileURL(root)}/dist/libs/config/src/index.js');
  const { launcherSettings } = await import('${pathToFileURL(root)}/dist/libs/deployment/src/index.js');
  try {
    const settings = loadConfig(launcherSettings);
    const store = openArtifactStore({ ...settings, artifactsTimeout: Math.min(settings.artifactsTimeout, 5_000) });
    const why = await store.check().then(() => '', (error) => error.reason);
    console.log(JSON.stringify({ place: store.place, why }));
  } catch (error) {
    console.log(JSON.stringify({ place: '', why: error.message }));
  }`;

/** @returns {Check[]} only where artifacts are in a bucket: the folder of a home is made when it is needed */
function artifactsCheck() {
  if (!process.env.MILLRACE_ARTIFACTS_URL) return [];
  const check = { name: 'artifacts', kind: 'note', ok: false, mend: 'docs/artifacts.md' };
  if (!existsSync(join(root, 'dist/libs/artifacts/src/index.js'))) return [{ ...check, found: 'not set up yet' }];
  const told = probe(nodeBinary, ['--input-type=module', '-e', ARTIFACTS_SCRIPT]);
  if (told === undefined) return [{ ...check, found: 'cannot be looked for' }];
  const { place, why } = JSON.parse(told.split('\n').findLast((line) => line.startsWith('{')));
  return [{ ...check, ok: why === '', found: why === '' ? `${place}, reachable` : `${place} ${why}`.trim() }];
}

export async function allChecks() {
  const cached = existsSync(cacheRoot) ? readdirSync(cacheRoot).length : 0;
  const cache = {
    name: 'cache',
    kind: 'note',
    ok: true,
    found: cached === 0 ? `${cacheRoot} is empty` : `${megabytes(folderBytes(cacheRoot))} in ${cacheRoot}`,
  };
  return [
    ...machineChecks(),
    diskCheck(),
    ...setupChecks(),
    ...optionalChecks(),
    ...artifactsCheck(),
    await portCheck(),
    cache,
  ];
}

/** The one command for a list of missing things. */
export function mendCommand(missing) {
  const packages = [...new Set(missing.map((check) => check.packages).filter(Boolean))];
  const others = [
    ...new Set(
      missing
        .filter((check) => !check.packages)
        .map((check) => check.mend)
        .filter(Boolean),
    ),
  ];
  const root = typeof process.getuid === 'function' && process.getuid() === 0 ? '' : 'sudo ';
  return [...(packages.length > 0 ? [`${root}apt-get install -y ${packages.join(' ')}`] : []), ...others].join('\n');
}

const forBrokers = new Set(['Java ≥ 17', 'Maven']);

/** Throws with all that is missing; called by set-up before it does any work. */
export function requireMachine({ brokers }) {
  mkdirSync(cacheRoot, { recursive: true });
  const missing = [...machineChecks(), diskCheck()].filter(
    (check) => !check.ok && (brokers || !forBrokers.has(check.name)),
  );
  if (missing.length === 0) return;
  const lines = missing.map((check) => `  ✗ ${check.name}: ${check.found}`);
  throw new Error(
    `this machine lacks\n${lines.join('\n')}\nmend it with:\n  ${mendCommand(missing).replaceAll('\n', '\n  ')}`,
  );
}

function print(checks) {
  process.stdout.on('error', () => process.exit(0)); // the reader (head, less) has seen enough
  const out = (line) => process.stdout.write(`${line}\n`);
  for (const check of checks) {
    const mark = check.ok ? '✓' : check.kind === 'machine' || check.kind === 'set-up' ? '✗' : '–';
    const needs = check.ok || !check.needs ? '' : `  (only for ${check.needs})`;
    const load = check.ok || !check.bytes ? '' : `  (download ${megabytes(check.bytes)})`;
    out(`${mark} ${check.name.padEnd(26)} ${check.found}${load}${needs}`);
  }
  const machine = checks.filter((check) => !check.ok && check.kind === 'machine');
  const setup = checks.filter((check) => !check.ok && check.kind === 'set-up');
  const optional = checks.filter((check) => !check.ok && check.kind === 'optional');
  out('');
  if (machine.length > 0)
    out(`Missing on this machine. Mend it with:\n  ${mendCommand(machine).replaceAll('\n', '\n  ')}`);
  else if (setup.length > 0)
    out(
      'This machine has what set-up needs. Set up with one of:\n' +
        '  npx millrace up   # the platform, for data of your own\n  npm start         # the same, and the main job',
    );
  else out('Everything that Millrace needs is here.');
  if (optional.length > 0) out(`Optional parts:\n  ${mendCommand(optional).replaceAll('\n', '\n  ')}`);
}

/** @returns {Promise<number>} the exit code */
export async function doctor({ json = false } = {}) {
  const checks = await allChecks();
  const ok = checks.every((check) => check.ok || check.kind === 'optional' || check.kind === 'note');
  if (json)
    process.stdout.write(`${JSON.stringify({ ok, root, cache: cacheRoot, device: device(), checks }, null, 2)}\n`);
  else print(checks);
  return ok ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await doctor({ json: process.argv.includes('--json') });
