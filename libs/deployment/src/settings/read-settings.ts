// Texts of an environment as values of settings. All faults at once, by variable name, never by value.

import { type Environment, placeOf } from '../place.js';
import { parseSetting, type Settings, type SettingValue } from './setting.js';

/** The values that reading a process's settings gives. */
export type Config<S extends Settings> = { readonly [K in keyof S]: SettingValue<S[K]> };

export interface ReadSettings<S extends Settings> {
  /** Complete only where there are no faults. */
  values: Config<S>;
  faults: string[];
}

export function readSettings<S extends Settings>(settings: S, env: Environment): ReadSettings<S> {
  const place = placeOf(env);
  const faults: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [field, setting] of Object.entries(settings)) {
    const text = env[setting.env];
    if (text === undefined || text === '') {
      const value = setting.defaultAt === undefined ? setting.default : setting.defaultAt(place);
      if (value === undefined) faults.push(`${setting.env}: not set, and has no default`);
      else values[field] = value;
      continue;
    }
    const parsed = parseSetting(setting, text);
    if (parsed.kind === 'ok') values[field] = parsed.value;
    else faults.push(`${setting.env}: ${parsed.fault}`);
  }
  return { values: values as Config<S>, faults };
}
