// The embedded broker's files: server.properties is written at each start (ports may have changed), the storage is
// formatted once with a cluster id of its own.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  KAFKA_CLUSTER_ID,
  kafkaFolder,
  kafkaJavaArgs,
  kafkaServerProperties,
  type PlatformOptions,
} from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';

const FORMAT_TIMEOUT_MS = 60_000;
/** Of what the tool said, for the error. */
const OUTPUT_CHARS_MAX = 4_000;

/** @throws PlatformError 'unavailable' with the tool's own words; also once `stop` is aborted, which ends the tool */
export async function prepareKafka(
  options: PlatformOptions,
  env: Readonly<Record<string, string>>,
  stop: AbortSignal,
): Promise<void> {
  const folder = kafkaFolder(options.home);
  mkdirSync(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  writeFileSync(properties, kafkaServerProperties(options));
  const data = join(folder, 'data');
  if (existsSync(join(data, 'meta.properties'))) return;
  rmSync(data, { recursive: true, force: true }); // a format that was interrupted
  const args = [
    ...kafkaJavaArgs(options),
    'kafka.tools.StorageTool',
    'format',
    '-t',
    KAFKA_CLUSTER_ID,
    '-c',
    properties,
  ];
  const failure = await run('java', args, env, AbortSignal.any([stop, AbortSignal.timeout(FORMAT_TIMEOUT_MS)]));
  if (failure === undefined) return;
  throw new PlatformError('unavailable', `Kafka's storage in ${data} could not be formatted: ${failure}`);
}

/** Resolves with why it failed, undefined when it did not. In its own group: Ctrl-C reaches only the supervisor. */
function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (chunk: Uint8Array) => {
      output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, killedBy) =>
      resolve(code === 0 ? undefined : `${killedBy ?? `exit code ${code}`}\n${output.trim()}`),
    );
  });
}
