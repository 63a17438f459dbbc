// Turns this process's environment into one frozen object: the only reader of process.env. What the settings are, and
// how their texts become values, is libs/deployment's.

import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type Config,
  type Environment,
  faultsForUp,
  isPathSetting,
  readSettings,
  type Settings,
  unknownSettings,
} from '@millrace/deployment';
import { PlatformError } from '@millrace/domain';

/** Absolute; "~/" is the home folder of who started the process. */
function absolute(path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(path);
}

function withAbsolutePaths<S extends Settings>(settings: S, values: Config<S>): Config<S> {
  const paths = Object.entries(settings).flatMap(([field, setting]) => {
    const path = setting.type === 'path' ? (values[field] as string) : '';
    return path === '' ? [] : [[field, absolute(path)]];
  });
  return { ...values, ...Object.fromEntries(paths) };
}

function refuse(faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new PlatformError('invalid_argument', `wrong settings:\n  ${faults.join('\n  ')}`, {
    facts: { faults: faults.length },
  });
}

/**
 * Reads every setting from `env` (default: this process's environment). Throws PlatformError('invalid_argument') that
 * names all faults, among them variables of ours that nobody knows. `rules` are cross-field checks: they return faults
 * as texts.
 */
export function loadConfig<S extends Settings>(
  settings: S,
  env: Environment = process.env,
  rules: (config: Config<S>) => readonly string[] = () => [],
): Config<S> {
  const unknown = unknownSettings(
    env,
    Object.values(settings).map((setting) => setting.env),
  );
  const { values, faults } = readSettings(settings, env);
  refuse([...unknown, ...faults]);
  refuse(rules(values));
  return Object.freeze(withAbsolutePaths(settings, values));
}

/** Names that a project file may choose for what its webhooks are signed with; it reaches no other variable. */
const WEBHOOK_SECRET = /^WEBHOOK_SECRET_[A-Z0-9_]{1,64}$/;

/** A secret of the process; undefined: it is not set, or no secret of webhooks. */
export function webhookSecret(name: string): string | undefined {
  return WEBHOOK_SECRET.test(name) ? process.env[name] : undefined;
}

/** The process's environment for children that need it whole (the launcher); nobody else reads variables. */
export function environment(): Environment {
  return process.env;
}

/**
 * The environment for processes that are started in another folder: paths absolute. Throws what any process of the
 * platform would refuse, all at once and before one is started.
 */
export function environmentForUp(env: Environment = process.env): Record<string, string> {
  refuse(faultsForUp(env));
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(
    set.map(([name, text]) => [name, isPathSetting(name) && text !== '' ? absolute(text) : text]),
  );
}
