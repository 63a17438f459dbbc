// Triton's logging extension on our logger: log_error, log_warning, log_info and log_verbose_level switch levels of
// this process at once. Where lines go (standard output) and their form (JSON, ISO 8601 times) is the deployment's
// business.

import { PlatformError } from '@millrace/domain';

export interface LogLevels {
  error: boolean;
  warn: boolean;
  info: boolean;
  debug: boolean;
}

export interface LogControl {
  levels(): LogLevels;
  set(levels: Partial<LogLevels>): void;
}

export type LogValue = boolean | number | string | undefined;
export type LogSettings = Record<'log_file' | 'log_format', string> &
  Record<'log_info' | 'log_warning' | 'log_error', boolean> & { log_verbose_level: number };

const SWITCHES = { log_error: 'error', log_warning: 'warn', log_info: 'info' } as const;
const FIXED = { log_file: '', log_format: 'ISO8601' } as const;

export function logSettings(control: LogControl): LogSettings {
  const { error, warn, info, debug } = control.levels();
  return { ...FIXED, log_info: info, log_warning: warn, log_error: error, log_verbose_level: debug ? 1 : 0 };
}

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

/** All or nothing: an unknown or wrong setting changes none. */
export function changeLogSettings(control: LogControl, changes: Iterable<readonly [string, LogValue]>): LogSettings {
  const levels: Partial<LogLevels> = {};
  for (const [name, value] of changes) {
    if (name in SWITCHES) {
      if (typeof value !== 'boolean') invalid(`log setting '${name}' must be a boolean`);
      levels[SWITCHES[name as keyof typeof SWITCHES]] = value;
    } else if (name === 'log_verbose_level') {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
        invalid("log setting 'log_verbose_level' must be a whole number from 0");
      }
      levels.debug = value > 0;
    } else if (name in FIXED) {
      const fixed = FIXED[name as keyof typeof FIXED];
      if (value !== fixed) invalid(`log setting '${name}' cannot be changed here, it is '${fixed}'`);
    } else {
      const known = Object.keys(logSettings(control)).join(', ');
      invalid(`'${name.slice(0, 64)}' is no log setting: ${known} are`);
    }
  }
  control.set(levels);
  return logSettings(control);
}
