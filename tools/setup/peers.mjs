// The Python environments of what the bench measures Millrace against: the servers MLServer and pytriton, scikit-learn,
// each in an environment of its own in the cache, every wheel pinned by SHA-256. For bench and tests only; nothing of the
// platform uses them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { cacheRoot, root } from './paths.mjs';
import { probe, runCommand } from './process.mjs';
import { step } from './terminal.mjs';

/**
 * The system's own Python, whatever stands first in PATH: pytriton's stub links against its libpython and fails with
 * pyenv's or conda's.
 */
function systemPython() {
  return probe('/bin/sh', ['-c', 'command -v -p python3']) ?? '/usr/bin/python3';
}

const PEERS = {
  mlserver: { title: 'MLServer 1.7.1', versions: ['3.9', '3.10', '3.11', '3.12'] },
  tables: { title: 'scikit-learn 1.9.1 and tables', versions: ['3.11', '3.12', '3.13', '3.14'] },
  pytriton: { title: 'nvidia-pytriton 0.7.0', versions: ['3.10', '3.11', '3.12', '3.13'] },
};

const versionOf = (python) =>
  probe(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'])?.trim() ?? 'none';

/** The wheels are pinned for one Python version, that of the machine that made the pins. */
const PINNED_PYTHON = '3.11';

function pythonFor(peer) {
  const system = systemPython();
  if (versionOf(system) === PINNED_PYTHON) return system;
  const other = peer === 'mlserver' ? probe('/bin/sh', ['-c', `command -v python${PINNED_PYTHON}`]) : undefined;
  if (other !== undefined) return other;
  throw new Error(
    `${PEERS[peer].title} is pinned for Python ${PINNED_PYTHON}; this system's own is ${versionOf(system)}${peer === 'tables' ? '' : `. Run the bench without it: --without ${peer}`}`,
  );
}

const pinsOf = (peer) => join(root, 'bench/peers', `${peer}.txt`);

export function peerFolder(peer) {
  const key = createHash('sha256')
    .update(readFileSync(pinsOf(peer)))
    .digest('hex')
    .slice(0, 12);
  return join(cacheRoot, `peer-${peer}-${process.platform}-${process.arch}-${key}`);
}

/** Path of the peer's Python, installed when missing. */
export async function setUpPeer(peer) {
  const folder = peerFolder(peer);
  const binary = join(folder, 'bin/python');
  if (existsSync(binary)) return binary;
  const python = pythonFor(peer);
  const progress = step(`${PEERS[peer].title} for the bench`);
  try {
    await makeFolder(folder, async (work) => {
      // Without pip inside: a virtual environment knows its path, so packages go in by --target and it may be renamed.
      await runCommand(python, ['-m', 'venv', '--without-pip', '--symlinks', work]);
      const target = join(work, 'lib', `python${PINNED_PYTHON}`, 'site-packages');
      const args = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-cache-dir',
        '--require-hashes',
        '--only-binary=:all:',
        '--no-deps',
      ];
      await runCommand(python, [...args, '--target', target, '-r', pinsOf(peer)], {
        env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      });
    });
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
  return binary;
}
