// The one list of settings: what each process of the platform takes. The CLI, the processes, docs/settings.md and
// deploy/ have it from here; a MILLRACE_* variable that is not in it is refused by all of them.

import { suggest } from '@millrace/domain';
import { type Environment, placeOf } from '../place.js';
import { replicasText } from '../replicas.js';
import { artifactFaults, artifactSettings } from './artifacts.js';
import { ingestSettings } from './ingest.js';
import { launcherSettings } from './launcher.js';
import { monitorSettings } from './monitor.js';
import { readSettings } from './read-settings.js';
import { routerSettings } from './router.js';
import { servingSettings } from './serving.js';
import type { Setting, Settings } from './setting.js';
import { trainerSettings } from './trainer.js';
import { workerSettings } from './worker.js';

export type SettingsGroup = 'ingest' | 'trainer' | 'training worker' | 'serving' | 'router' | 'monitor' | 'launcher';

export const SETTINGS: Readonly<Record<SettingsGroup, Settings>> = {
  ingest: ingestSettings,
  trainer: trainerSettings,
  'training worker': workerSettings,
  serving: servingSettings,
  router: routerSettings,
  monitor: monitorSettings,
  launcher: launcherSettings,
};

/** Read by the tests of this repository only; they may stand in the environment of anything. */
export const TEST_SETTINGS: Readonly<Record<string, string>> = {
  MILLRACE_TEST_KAFKA_BROKERS: 'use this broker instead of starting one',
  MILLRACE_TEST_REDIS_URL: 'use this Redis instead of starting one',
  MILLRACE_TEST_CHROMIUM: 'the Chromium that opens the dashboard; default: the one of the machine, else a packaged one',
};

const BY_NAME: ReadonlyMap<string, Setting> = new Map(
  Object.values(SETTINGS).flatMap((settings) => Object.values(settings).map((setting) => [setting.env, setting])),
);

/** Whether a variable names a file or folder, which means another one in another folder unless it is absolute. */
export function isPathSetting(name: string): boolean {
  return BY_NAME.get(name)?.type === 'path';
}

const PREFIX = 'MILLRACE_';

/** One fault a variable that nobody knows, with the nearest name that somebody does. */
export function unknownSettings(env: Environment, alsoKnown: readonly string[] = []): string[] {
  const known = [...BY_NAME.keys(), ...Object.keys(TEST_SETTINGS), ...alsoKnown];
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => {
      const ours = known.filter((other) => other.startsWith(PREFIX)).map((other) => other.slice(PREFIX.length));
      const near = suggest(name.slice(PREFIX.length), ours);
      return `${name}: unknown setting${near === null ? '' : `; did you mean ${PREFIX}${near}?`}`;
    });
}

/**
 * What `millrace up` refuses before it starts anything: every fault that one of its processes would find, and its own.
 */
export function faultsForUp(env: Environment): string[] {
  const faults = Object.values(SETTINGS).flatMap((settings) => readSettings(settings, env).faults);
  const artifacts = readSettings(artifactSettings, env);
  if (artifacts.faults.length === 0) faults.push(...artifactFaults(artifacts.values));
  for (const [name, { notForUp }] of BY_NAME)
    if (notForUp !== undefined && env[name]) faults.push(`${name}: not for \`millrace up\`: ${notForUp}`);
  faults.push(...replicaFaults(env));
  return [...new Set([...unknownSettings(env), ...faults])];
}

/** A number moves the ports of one process; several of a service have numbers of their own. */
function replicaFaults(env: Environment): string[] {
  const { MILLRACE_REPLICA: replica = '' } = env;
  if (replicasText(placeOf(env).replicas) === '' || !/^\d/.test(replica)) return [];
  return [
    `MILLRACE_REPLICA: the launcher numbers the processes of MILLRACE_REPLICAS itself; a name without a number before it, such as "b", tells this machine's from another's`,
  ];
}
