// What one setting is, and how its text becomes a value. No clamping: a value outside its range is a fault.

import { assert } from '@millrace/domain';
import type { Place } from '../place.js';

interface SettingCommon<T> {
  /** Environment variable. */
  readonly env: string;
  /** Value where the variable is unset or empty; no default = the setting is required. */
  readonly default?: T;
  /**
   * The default where it follows from where the processes listen; `default` is then its value without other settings.
   */
  readonly defaultAt?: (place: Place) => T;
  /** Unit of the value, for people ("rows", "bytes"); durations are always milliseconds. */
  readonly unit?: string;
  /** Why this default: who chose it, where it was measured. */
  readonly why: string;
  /** Never shown; its default is none or empty. */
  readonly secret?: boolean;
  /**
   * The launcher gives its processes a value of its own, so that `millrace up` refuses this one; what to do instead.
   */
  readonly notForUp?: string;
}

export type IntSetting = SettingCommon<number> & {
  readonly type: 'int';
  readonly min: number;
  readonly max: number;
  readonly multipleOf?: number;
};
export type NumberSetting = SettingCommon<number> & {
  readonly type: 'number';
  readonly min: number;
  readonly max: number;
};
export type TextSetting = SettingCommon<string> & {
  readonly type: 'text';
  readonly oneOf?: readonly string[];
  readonly pattern?: RegExp;
  /** What is wrong with a text, in words that follow its name; undefined = nothing. */
  readonly check?: (text: string) => string | undefined;
};
export type BoolSetting = SettingCommon<boolean> & { readonly type: 'bool' };
/**
 * Texts such as "250ms", "5s", "3h", "2d", or a bare number of milliseconds; the value, min and max are milliseconds.
 */
export type DurationSetting = SettingCommon<number> & {
  readonly type: 'duration';
  readonly min: number;
  readonly max: number;
  /** 0 stands for something of its own; any other value is at least this. */
  readonly minUnlessZero?: number;
};
/** A file or folder; relative to where the process was started, "~/" is the home folder. The value is absolute. */
export type PathSetting = SettingCommon<string> & { readonly type: 'path' };
/** Comma-separated texts. */
export type ListSetting = SettingCommon<readonly string[]> & {
  readonly type: 'list';
  readonly itemsMax?: number;
  /** As `check` of a text, of each item. */
  readonly itemCheck?: (item: string) => string | undefined;
};

export type Setting =
  | IntSetting
  | NumberSetting
  | TextSetting
  | PathSetting
  | BoolSetting
  | DurationSetting
  | ListSetting;

/** The settings of one process. */
export type Settings = Readonly<Record<string, Setting>>;

export type SettingValue<S extends Setting> = S extends { type: 'int' | 'number' | 'duration' }
  ? number
  : S extends { type: 'bool' }
    ? boolean
    : S extends { type: 'list' }
      ? readonly string[]
      : string;

export type ParsedSetting = { kind: 'ok'; value: unknown } | { kind: 'fault'; fault: string };

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a text such as "250ms", "5s", "15m", "3h", "2d" or "250"; undefined where it is none. */
export function parseDurationMs(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] as number);
}

/** Declares a process's settings; checks the declaration itself (names, defaults in range, no secret default). */
export function defineSettings<const S extends Settings>(settings: S): S {
  for (const [field, setting] of Object.entries(settings)) {
    assert(/^(MILLRACE|OTEL)_[A-Z0-9_]+$/.test(setting.env), `${field}: ${setting.env} is no name of ours`);
    assert(!(setting.secret && setting.default), `${field}: a secret has no default`);
    if (
      (setting.type === 'int' || setting.type === 'number' || setting.type === 'duration') &&
      setting.default !== undefined
    )
      assert(setting.default >= setting.min && setting.default <= setting.max, `${field}: default outside its range`);
  }
  return settings;
}

function inRange(
  value: number | undefined,
  setting: { min: number; max: number; unit?: string },
  whole: boolean,
  what: string,
): ParsedSetting {
  const unit = setting.unit === undefined ? '' : ` ${setting.unit}`;
  if (value === undefined || !Number.isFinite(value) || (whole && !Number.isSafeInteger(value)))
    return { kind: 'fault', fault: `is not ${what}` };
  if (value < setting.min || value > setting.max)
    return { kind: 'fault', fault: `is outside ${setting.min}..${setting.max}${unit}` };
  return { kind: 'ok', value };
}

/** Faults never repeat the value: it may be a secret put into the wrong variable. */
export function parseSetting(setting: Setting, text: string): ParsedSetting {
  switch (setting.type) {
    case 'int': {
      const parsed = inRange(/^-?\d+$/.test(text) ? Number(text) : undefined, setting, true, 'a whole number');
      const { multipleOf = 1 } = setting;
      return parsed.kind === 'ok' && Number(text) % multipleOf !== 0
        ? { kind: 'fault', fault: `is no multiple of ${multipleOf}` }
        : parsed;
    }
    case 'number':
      return inRange(/^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text) ? Number(text) : undefined, setting, false, 'a number');
    case 'duration': {
      const valueMs = parseDurationMs(text);
      const { minUnlessZero: min = setting.min } = setting;
      const range = valueMs === 0 ? setting : { ...setting, min };
      return inRange(valueMs, { ...range, unit: 'ms' }, false, 'a duration such as 250ms, 5s, 15m, 3h or 2d');
    }
    case 'bool':
      if (text === '1' || text === 'true') return { kind: 'ok', value: true };
      if (text === '0' || text === 'false') return { kind: 'ok', value: false };
      return { kind: 'fault', fault: 'is not one of 1, 0, true, false' };
    case 'list': {
      const items = text.split(',').map((item) => item.trim());
      if (items.some((item) => item === '')) return { kind: 'fault', fault: 'has an empty item' };
      const itemsMax = setting.itemsMax ?? 64;
      if (items.length > itemsMax) return { kind: 'fault', fault: `has more than ${itemsMax} items` };
      const { itemCheck } = setting;
      for (const [index, item] of items.entries()) {
        const named = items.length === 1 ? '' : `item ${index + 1} `;
        const fault = itemCheck?.(item);
        if (fault !== undefined) return { kind: 'fault', fault: `${named}${fault}` };
      }
      return { kind: 'ok', value: Object.freeze(items) };
    }
    case 'path':
      return { kind: 'ok', value: text };
    case 'text': {
      if (setting.oneOf !== undefined && !setting.oneOf.includes(text))
        return { kind: 'fault', fault: `is none of ${setting.oneOf.join(', ')}` };
      if (setting.pattern !== undefined && !setting.pattern.test(text))
        return { kind: 'fault', fault: `does not match ${setting.pattern.source}` };
      const fault = setting.check?.(text);
      return fault === undefined ? { kind: 'ok', value: text } : { kind: 'fault', fault };
    }
  }
}
