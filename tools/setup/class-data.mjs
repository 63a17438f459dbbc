// A class data archive for Kafka: the JVM maps its loaded classes instead of parsing 44 jars, and the port opens in
// half the time (measured: 2.7 s → 1.35 s). Only a help: where it cannot be made, or another Java is used later, the
// JVM starts without.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { cacheRoot, classDataArchive, kafkaLibFolder, log4jFile } from './paths.mjs';
import { runCommand } from './process.mjs';
import { step } from './terminal.mjs';

const startTimeoutMs = 60_000;
const pollMs = 100;

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

/**
 * The same class path, in the same order, as the supervisor's (kafka-storage.process.ts); the archive is bound to it.
 */
function classPath() {
  const jars = readdirSync(kafkaLibFolder).filter(
    (name) => name.endsWith('.jar') && !name.startsWith('embedded-redis'),
  );
  return jars
    .sort()
    .map((name) => join(kafkaLibFolder, name))
    .join(':');
}

function properties(port, controllerPort, data) {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `log.dirs=${data}`,
  ].join('\n');
}

async function record(work) {
  const port = await freePort();
  const file = join(work, 'server.properties');
  const archive = join(work, 'kafka.jsa');
  mkdirSync(join(work, 'data'));
  writeFileSync(file, properties(port, await freePort(), join(work, 'data')));
  const java = [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    `-Dlog4j2.configurationFile=${log4jFile}`,
  ];
  const classes = ['-cp', classPath()];
  await runCommand('java', [
    ...java,
    ...classes,
    'kafka.tools.StorageTool',
    'format',
    '-t',
    'TWlsbHJhY2VFbWJlZA',
    '-c',
    file,
  ]);
  const broker = spawn('java', [...java, `-XX:ArchiveClassesAtExit=${archive}`, ...classes, 'kafka.Kafka', file], {
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => broker.once('close', resolve));
  const kill = () => broker.kill('SIGKILL');
  process.once('exit', kill);
  for (
    let waitedMs = 0;
    !(await accepts(port)) && broker.exitCode === null && waitedMs < startTimeoutMs;
    waitedMs += pollMs
  ) {
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
  broker.kill('SIGTERM');
  await ended;
  process.off('exit', kill);
  if (existsSync(archive)) renameSync(archive, classDataArchive);
}

export async function setUpClassData() {
  if (existsSync(classDataArchive)) return;
  const progress = step("Kafka's class data archive");
  const work = mkdtempSync(join(cacheRoot, 'tmp-'));
  try {
    await record(work);
    progress.done(existsSync(classDataArchive) ? 'done' : 'not made; Kafka starts a second slower');
  } catch {
    progress.done('not made; Kafka starts a second slower'); // a help, not a need
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
