// Kafka and Redis of the embedded default, from one Maven pom (deploy/local/pom.xml). Maven checks the repository's
// checksums strictly (-C); the SHA-256 of every jar is pinned in pins/maven.sha256 besides.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cache.mjs';
import { brokersFolder, pinsFolder, pomFile, root } from './paths.mjs';
import { probe, runCommand } from './process.mjs';
import { step } from './terminal.mjs';

const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';
const redisMembers = {
  'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  'linux-arm64': 'redis-server-6.2.7-linux-arm64',
  'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
  'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
};
const filesExpected = 120; // poms and jars Maven loads on an empty repository; for the bar only

/** Throws when a jar is not the pinned one, is not named, or is missing. */
export function checkPins(libFolder) {
  const pinned = new Map(
    readFileSync(join(pinsFolder, 'maven.sha256'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(/\s+/).reverse()),
  );
  const found = readdirSync(libFolder);
  for (const name of found) {
    const wanted = pinned.get(name);
    if (wanted === undefined) throw new Error(`Maven brought ${name}, which pins/maven.sha256 does not name`);
    const actual = createHash('sha256')
      .update(readFileSync(join(libFolder, name)))
      .digest('hex');
    if (actual !== wanted) throw new Error(`${name} has SHA-256 ${actual}, pinned is ${wanted}`);
  }
  const missing = [...pinned.keys()].filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`Maven did not bring ${missing.join(', ')}`);
}

/** The pinned Redis out of the jar; the system's where that one does not run here (another libc or OpenSSL). */
async function placeRedis(work, libFolder) {
  const jar = readdirSync(libFolder).find((name) => name.startsWith('embedded-redis-'));
  const member = redisMembers[`${process.platform}-${process.arch}`];
  const target = join(work, 'redis-server');
  if (member !== undefined) {
    await runCommand('python3', [
      join(root, 'tools/setup/unpack.py'),
      join(libFolder, jar),
      join(work, 'unpacked'),
      member,
    ]);
    renameSync(join(work, 'unpacked', member), target);
    rmSync(join(work, 'unpacked'), { recursive: true });
    chmodSync(target, 0o755);
    if (probe(target, ['--version']) !== undefined) return;
  }
  const system = probe('sh', ['-c', 'command -v redis-server']);
  if (system === undefined)
    throw new Error('the packaged Redis does not run on this machine; install one: apt-get install redis-server');
  copyFileSync(system, target);
  chmodSync(target, 0o755);
}

export function brokersReady() {
  return existsSync(brokersFolder);
}

export async function setUpBrokers() {
  if (brokersReady()) return;
  const progress = step('Kafka 4.4.0 and Redis (Maven, about 80 MB)', {
    total: filesExpected,
    unit: (count) => `${count} files`,
  });
  try {
    await makeFolder(brokersFolder, async (work) => {
      const libFolder = join(work, 'lib');
      mkdirSync(libFolder);
      let files = 0;
      const onLine = (line) => {
        if (/Downloaded from/.test(line)) progress.update(++files);
      };
      const args = [
        '-B',
        '-C',
        '-f',
        pomFile,
        `${dependencyPlugin}:copy-dependencies`,
        '-DincludeScope=runtime',
        `-DoutputDirectory=${libFolder}`,
      ];
      await runCommand('mvn', args, { cwd: work, onLine });
      checkPins(libFolder);
      await placeRedis(work, libFolder);
    });
    progress.done();
  } catch (error) {
    progress.failed();
    throw error;
  }
}
