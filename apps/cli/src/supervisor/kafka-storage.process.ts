// The embedded broker's files: server.properties is written at each start (ports may have changed), the storage is
// formatted once with a cluster id of its own.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  KAFKA_CLUSTER_ID,
  kafkaFolder,
  kafkaJavaArgs,
  kafkaServerProperties,
  type PlatformOptions,
} from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';

const FORMAT_TIMEOUT_MS = 60_000;

export function jarsOf(libFolder: string): string[] {
  return readdirSync(libFolder)
    .filter((name) => name.endsWith('.jar') && !name.startsWith('embedded-redis'))
    .sort()
    .map((name) => join(libFolder, name));
}

export async function prepareKafka(options: PlatformOptions, env: Readonly<Record<string, string>>): Promise<void> {
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
  try {
    await promisify(execFile)('java', args, { env, timeout: FORMAT_TIMEOUT_MS });
  } catch (thrown) {
    throw new PlatformError(
      'unavailable',
      `Kafka's storage in ${data} could not be formatted: ${(thrown as Error).message}`,
      {
        cause: thrown,
      },
    );
  }
}
