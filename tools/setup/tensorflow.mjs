// TensorFlow for @tensorflow/tfjs-node-gpu: the shared libraries and headers out of TensorFlow's own wheel (pip checks
// the pinned SHA-256), and the package's addon compiled against them. The package's own installer is not used: it
// fetches TensorFlow 2.9.1, which knows no recent GPU, and has no checksum.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { folderBytes, makeFolder, writeAtomic } from './cache.mjs';
import {
  addonFile,
  cacheRoot,
  device,
  root,
  tensorflowFolder,
  tensorflowPins,
  tensorflowVersion,
  tfjsFolder,
  tfjsVersion,
} from './paths.mjs';
import { probe, runCommand } from './process.mjs';
import { step } from './terminal.mjs';

// The library does not depend on the Python version; one is named so that one file is pinned on every machine.
const wheelPython = '3.11';
const wheelPlatforms = { 'linux-x64': ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'] };
const members = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/',
  'tensorflow/include/tensorflow/core/platform/',
  'tensorflow/include/xla/',
  'tensorflow/include/tsl/',
  'nvidia/', // only in the wheels that the GPU library needs
];
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** Bytes that pip loads, for the bar and for doctor. */
export const downloadBytes = { cpu: 230_236_181, gpu: 3_100_000_000 };

async function download(wantedDevice, folder, temporary) {
  const platforms = wheelPlatforms[`${process.platform}-${process.arch}`];
  if (platforms === undefined)
    throw new Error(
      `no TensorFlow library is pinned for ${process.platform}-${process.arch}; Millrace runs on linux-x64`,
    );
  const total = downloadBytes[wantedDevice];
  const progress = step(`TensorFlow ${tensorflowVersion} for ${wantedDevice} (wheel)`, { total });
  const watch = setInterval(() => progress.update(folderBytes(folder) + folderBytes(temporary)), 500);
  try {
    const args = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--no-cache-dir',
      '--only-binary=:all:',
      '--require-hashes',
    ];
    args.push('--python-version', wheelPython, ...platforms.flatMap((name) => ['--platform', name]));
    args.push('-r', tensorflowPins(wantedDevice), '-d', folder);
    await runCommand('python3', args, {
      env: { ...process.env, TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
    });
    progress.done('downloaded, checksum verified');
  } catch (error) {
    progress.failed();
    throw error;
  } finally {
    clearInterval(watch);
  }
}

async function unpack(wheels, target) {
  const progress = step('TensorFlow library unpacked');
  try {
    for (const wheel of wheels)
      await runCommand('python3', [join(root, 'tools/setup/unpack.py'), wheel, target, ...members]);
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}

/** The compiled addon depends on these and on nothing else. */
function addonKey(wantedDevice) {
  const hash = createHash('sha256');
  hash.update(`${tfjsVersion} ${tensorflowFolder(wantedDevice)} ${probe('g++', ['-dumpfullversion']) ?? 'none'}\n`);
  const sources = join(tfjsFolder, 'binding');
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

async function compile(wantedDevice, target) {
  const progress = step('TensorFlow addon compiled (g++)');
  const libraryFolder = join(tensorflowFolder(wantedDevice), 'tensorflow');
  const work = `${target}.${process.pid}.tmp`;
  try {
    mkdirSync(dirname(target), { recursive: true });
    await runCommand('g++', [
      ...['-O2', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8'],
      `-I${join(root, 'node_modules/node-api-headers/include')}`,
      `-I${join(libraryFolder, 'include')}`,
      join(tfjsFolder, 'binding/tfjs_backend.cc'),
      join(tfjsFolder, 'binding/tfjs_binding.cc'),
      `-L${libraryFolder}`,
      ...libraries.map((name) => `-l:${name}`), // the wheel has no plain .so names
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
      ...['-o', work],
    ]);
    renameSync(work, target);
    progress.done();
  } catch (error) {
    rmSync(work, { force: true });
    progress.failed();
    throw error;
  }
}

function linkTarget(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

const libraryLink = join(tfjsFolder, 'deps/lib');
const stampFile = join(tfjsFolder, 'lib/napi-v8/millrace-stamp');

export function libraryReady(wantedDevice = device()) {
  return existsSync(tensorflowFolder(wantedDevice));
}

/** The clone's tfjs package is linked to the wanted library and has an addon that was compiled for it. */
export function addonReady(wantedDevice = device()) {
  if (!libraryReady(wantedDevice) || !existsSync(addonFile) || !existsSync(stampFile)) return false;
  if (linkTarget(libraryLink) !== join(tensorflowFolder(wantedDevice), 'tensorflow')) return false;
  return readFileSync(stampFile, 'utf8') === tensorflowFolder(wantedDevice);
}

/** What stands in the way of the GPU library on this machine; empty when nothing. */
export function gpuFaults() {
  const faults = [];
  if (process.platform !== 'linux') return ['the GPU library runs on Linux only'];
  if (!existsSync('/proc/driver/nvidia/version'))
    faults.push('no NVIDIA kernel driver is loaded (/proc/driver/nvidia/version is missing)');
  if (!readdirSync('/dev').some((name) => /^nvidia\d+$/.test(name)))
    faults.push('no GPU device (/dev/nvidia0) is visible');
  const known = probe('/sbin/ldconfig', ['-p']) ?? '';
  const besides = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/local/nvidia/lib64'];
  if (!known.includes('libcuda.so.1') && !besides.some((folder) => existsSync(join(folder, 'libcuda.so.1')))) {
    faults.push('the driver library libcuda.so.1 is not installed (it comes with the NVIDIA driver, 525 or newer)');
  }
  return faults;
}

/**
 * With MILLRACE_DEVICE=gpu: throws what this machine lacks. Asked at every start, not only when something is installed.
 */
export function requireDevice() {
  const faults = device() === 'gpu' ? gpuFaults() : [];
  if (faults.length === 0) return;
  const list = faults.map((fault) => `  - ${fault}`).join('\n');
  throw new Error(
    `MILLRACE_DEVICE=gpu, but this machine has no usable GPU:\n${list}\nUnset MILLRACE_DEVICE to train on the CPU.`,
  );
}

export async function setUpTensorflow() {
  const wanted = device();
  if (addonReady(wanted)) return;
  const folder = tensorflowFolder(wanted);
  if (!libraryReady(wanted)) {
    await makeFolder(folder, async (work) => {
      const wheels = join(work, 'wheels');
      const temporary = join(work, 'pip');
      for (const path of [wheels, temporary]) mkdirSync(path);
      await download(wanted, wheels, temporary);
      await unpack(
        readdirSync(wheels).map((name) => join(wheels, name)),
        work,
      );
      for (const path of [wheels, temporary]) rmSync(path, { recursive: true, force: true });
    });
  }
  const compiled = join(cacheRoot, 'addons', `${addonKey(wanted)}.node`);
  if (!existsSync(compiled)) await compile(wanted, compiled);
  // The folder is linked, not the files: the libraries look for their neighbours relative to where they lie.
  mkdirSync(dirname(libraryLink), { recursive: true });
  rmSync(libraryLink, { recursive: true, force: true });
  symlinkSync(join(folder, 'tensorflow'), libraryLink);
  mkdirSync(dirname(addonFile), { recursive: true });
  // A running process may have the old addon mapped: replace the name, never the bytes.
  const temporary = `${addonFile}.${process.pid}.tmp`;
  copyFileSync(compiled, temporary);
  renameSync(temporary, addonFile);
  writeAtomic(stampFile, folder);
  if (statSync(addonFile).size === 0) throw new Error('the compiled addon is empty');
}
