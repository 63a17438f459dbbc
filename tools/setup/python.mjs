// The Python environment that only tests need: a real Open Inference Protocol client (tritonclient) and an S3 server
// (moto). Lies in the cache, every wheel pinned by SHA-256; nothing of it is used by the platform.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { pythonFolder, pythonPins } from './paths.mjs';
import { runCommand } from './process.mjs';
import { step } from './terminal.mjs';

export function pythonReady() {
  return existsSync(join(pythonFolder(), 'bin/python'));
}

export async function setUpPython() {
  if (pythonReady()) return;
  const progress = step('Python environment for tests (about 70 MB)');
  try {
    await makeFolder(pythonFolder(), async (work) => {
      // Without pip inside: a virtual environment knows its path, so packages go in by --target and it may be renamed.
      await runCommand('python3', ['-m', 'venv', '--without-pip', '--symlinks', work]);
      const version = (
        await runCommand(join(work, 'bin/python'), ['-c', 'import sys; print("python%d.%d" % sys.version_info[:2])'])
      ).trim();
      const target = join(work, 'lib', version, 'site-packages');
      const args = [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-cache-dir',
        '--require-hashes',
        '--only-binary=:all:',
        '--no-deps',
        '--target',
        target,
      ];
      await runCommand('python3', [...args, '-r', pythonPins], {
        env: { ...process.env, PIP_DISABLE_PIP_VERSION_CHECK: '1' },
      });
    });
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}
