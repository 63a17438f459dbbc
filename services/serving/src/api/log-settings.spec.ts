import { describe, expect, it } from '@jest/globals';
import { changeLogSettings, type LogControl, type LogLevels, logSettings } from './log-settings.js';

function control(): LogControl {
  let now: LogLevels = { error: true, warn: true, info: true, debug: false };
  return {
    levels: () => now,
    set: (levels) => {
      now = { ...now, ...levels };
    },
  };
}

describe('log settings', () => {
  it('say and switch the levels of the logger', () => {
    const logs = control();
    expect(logSettings(logs)).toEqual({
      log_file: '',
      log_format: 'ISO8601',
      log_info: true,
      log_warning: true,
      log_error: true,
      log_verbose_level: 0,
    });
    const changed = changeLogSettings(logs, [
      ['log_info', false],
      ['log_verbose_level', 2],
    ]);
    expect(changed).toMatchObject({ log_info: false, log_verbose_level: 1 });
    expect(logs.levels()).toEqual({ error: true, warn: true, info: false, debug: true });
  });

  it.each([
    ['log_info', 'yes'],
    ['log_verbose_level', -1],
    ['log_file', '/tmp/log'],
    ['log_format', 'default'],
    ['nonsense', true],
  ])('refuse %s = %s and change nothing', (name, value) => {
    const logs = control();
    expect(() =>
      changeLogSettings(logs, [
        ['log_error', false],
        [name, value],
      ]),
    ).toThrow(name);
    expect(logs.levels().error).toBe(true);
  });
});
