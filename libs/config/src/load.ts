// Turns environment variables into one frozen object. All faults at once, by variable name, never by value.

import { assert, PlatformError } from '@millrace/domain';
import { SERVICE_PREFIXES, SETTING_NAMES } from './names.js';
import { parseSetting, type Setting, type SettingValue } from './setting.js';

export type ConfigDefinition = Readonly<Record<string, Setting>>;

/** The frozen object that `loadConfig` returns for a definition. */
export type Config<D extends ConfigDefinition> = { readonly [K in keyof D]: SettingValue<D[K]> };

export type Environment = Readonly<Record<string, string | undefined>>;

function hasServicePrefix(name: string): boolean {
  return SERVICE_PREFIXES.some((prefix) => name.startsWith(prefix));
}

/** Declares a service's settings; checks the declaration itself (names known, defaults in range, no secret default). */
export function defineConfig<const D extends ConfigDefinition>(definition: D): D {
  for (const [field, setting] of Object.entries(definition)) {
    assert(
      setting.env in SETTING_NAMES || hasServicePrefix(setting.env) || setting.env.startsWith('OTEL_'),
      `${field}: ${setting.env} is not in libs/config/src/names.ts`,
    );
    assert(!(setting.secret && setting.default !== undefined), `${field}: a secret has no default`);
    if (
      (setting.type === 'int' || setting.type === 'number' || setting.type === 'duration') &&
      setting.default !== undefined
    )
      assert(setting.default >= setting.min && setting.default <= setting.max, `${field}: default outside its range`);
  }
  return definition;
}

function unknownNames(definition: ConfigDefinition, env: Environment): string[] {
  const own = new Set(Object.values(definition).map((setting) => setting.env));
  const ownPrefixes = SERVICE_PREFIXES.filter((prefix) => [...own].some((name) => name.startsWith(prefix)));
  return Object.keys(env).filter((name) => {
    if (!name.startsWith('MILLRACE_') || own.has(name) || name in SETTING_NAMES) return false;
    return !hasServicePrefix(name) || ownPrefixes.some((prefix) => name.startsWith(prefix));
  });
}

/**
 * Reads every setting of the definition from `env` (default: this process's environment). Throws
 * PlatformError('invalid_argument') that names all faults. `rules` are cross-field checks: they return faults as texts.
 */
export function loadConfig<D extends ConfigDefinition>(
  definition: D,
  env: Environment = process.env,
  rules: (config: Config<D>) => readonly string[] = () => [],
): Config<D> {
  const faults: string[] = unknownNames(definition, env).map((name) => `${name}: unknown setting`);
  const values: Record<string, unknown> = {};
  for (const [field, setting] of Object.entries(definition)) {
    const text = env[setting.env];
    if (text === undefined || text === '') {
      if (setting.default === undefined) faults.push(`${setting.env}: not set, and has no default`);
      else values[field] = setting.default;
      continue;
    }
    const parsed = parseSetting(setting, text);
    if (parsed.kind === 'ok') values[field] = parsed.value;
    else faults.push(`${setting.env}: ${parsed.fault}`);
  }
  if (faults.length === 0) faults.push(...rules(values as Config<D>));
  if (faults.length > 0)
    throw new PlatformError('invalid_argument', `wrong settings:\n  ${faults.join('\n  ')}`, {
      facts: { faults: faults.length },
    });
  return Object.freeze(values) as Config<D>;
}

/** The process's environment for children that need it whole (the supervisor); nobody else reads variables. */
export function environment(): Environment {
  return process.env;
}
