// Sets up what is missing, in the order of need: npm packages, Kafka and Redis, TensorFlow, generated code and dist/.
// Quick when nothing is missing. Used by start, test, bench and the millrace command; `node tools/setup/setup.mjs` runs
// it alone.
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brokersReady, setUpBrokers } from './brokers.mjs';
import { isBuilt } from './build.mjs';
import { writeAtomic } from './cache.mjs';
import { findChromium } from './chromium.mjs';
import { setUpClassData } from './class-data.mjs';
import { requireMachine } from './doctor.mjs';
import { withCacheLock } from './lock.mjs';
import { packagesReady, setUpPackages } from './packages.mjs';
import {
  brokersFolder,
  cacheRoot,
  describeSetup,
  device,
  nodeBinary,
  root,
  setupFile,
  tensorflowFolder,
} from './paths.mjs';
import { interruptibly, runCommand } from './process.mjs';
import { addonReady, requireDevice, setUpTensorflow } from './tensorflow.mjs';
import { say, step } from './terminal.mjs';

/** Environment in which `node`, `npx` and package binaries are the clone's own. */
export function cloneEnvironment(extra = {}) {
  return { ...process.env, ...extra, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` };
}

async function buildClone() {
  const progress = step('generated code and dist/');
  try {
    const output = await runCommand(nodeBinary, [join(root, 'tools/setup/build.mjs')], {
      cwd: root,
      env: cloneEnvironment(),
    });
    progress.done(output.trim().split('\n').pop());
  } catch (error) {
    progress.failed();
    throw error;
  }
}

export function writeSetupFile() {
  const text = `${JSON.stringify({ ...describeSetup(), chromium: findChromium() }, null, 2)}\n`;
  writeAtomic(setupFile, text);
  const key = [basename(brokersFolder), basename(tensorflowFolder(device()))].join('_');
  writeAtomic(join(cacheRoot, `setup-${key}.json`), text);
}

/** Own brokers are named for both: the embedded ones, and Java and Maven for them, are not needed. */
function ownBrokers() {
  return Boolean(process.env.MILLRACE_KAFKA_BROKERS && process.env.MILLRACE_REDIS_URL);
}

/**
 * @param {{ brokers?: boolean }} [options] brokers: embedded ones whatever the environment says (tests start their own)
 */
export function setUp(options = {}) {
  return interruptibly(() => setUpParts(options));
}

async function setUpParts({ brokers = !ownBrokers() }) {
  requireDevice();
  if (!(packagesReady() && (brokersReady() || !brokers) && addonReady())) {
    say('Millrace set-up');
    requireMachine({ brokers });
    await withCacheLock(async () => {
      await setUpPackages();
      if (brokers) {
        await setUpBrokers();
        await setUpClassData();
      }
      await setUpTensorflow();
    });
  }
  writeSetupFile();
  if (!isBuilt()) await buildClone();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await setUp();
  } catch (error) {
    say(`\nset-up failed: ${error.message}`);
    process.exitCode = 1;
  }
}
