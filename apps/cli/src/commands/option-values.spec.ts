import { describe, expect, it } from '@jest/globals';
import { servingSettings } from '@millrace/deployment';
import { InvalidArgumentError } from 'commander';
import {
  csvText,
  endpoint,
  oneOf,
  port,
  projectName,
  settingText,
  sinceMs,
  someId,
  time,
  wholeNumber,
  wholeNumberOr,
} from './option-values.js';

const CLOCK = { nowMs: () => 1_000_000 };

describe('values of options', () => {
  it.each([
    [wholeNumber(1, 10), '10', 10],
    [wholeNumberOr('all', 1, 10), 'all', 'all'],
    [wholeNumberOr('all', 1, 10), '3', 3],
    [time, '2026-01-31', Date.UTC(2026, 0, 31)],
    [time, '2026-01-31T12:00', Date.UTC(2026, 0, 31, 12)],
    [sinceMs(CLOCK), '2h', 1_000_000 - 7_200_000],
    [sinceMs(CLOCK), '2026-01-31', Date.UTC(2026, 0, 31)],
    [port, '65535', 65_535],
    [oneOf(['stop', 'resume']), 'stop', 'stop'],
    [endpoint, 'serving', 'serving'],
    [endpoint, 'gpu-3:8001', 'gpu-3:8001'],
    [settingText(servingSettings.repositoryPollMs), '2s', '2s'],
    [projectName, 'loans-2', 'loans-2'],
    [csvText('delimiter'), 'tab', 'tab'],
    [csvText('encoding'), 'ISO-8859-1', 'ISO-8859-1'],
  ])('%# %s is taken', (rule, text, value) => expect(rule(text)).toBe(value));

  it.each([
    [wholeNumber(1, 10), ['abc', '0', '11', '-3', '1.5', '1e1', ' 3', '', '0x3', '99999999999999999999'], '1 to 10'],
    [wholeNumberOr('all', 1, 10), ['ALL', 'none', '0'], 'or "all"'],
    [time, ['nonsense', '2026-02-30', '31.01.2026', '1769860800000', ''], '2026-01-31T12:00Z'],
    [port, ['0', '65536', 'http'], '1 to 65535'],
    [oneOf(['stop', 'resume']), ['Stop', 'halt'], 'stop or resume'],
    [endpoint, ['routr', 'http://a:1', 'a:0', 'a:99999', ''], 'router, serving or host:port'],
    [settingText(servingSettings.repositoryPollMs), ['2 seconds', '-1s'], 'a duration such as'],
    [settingText(servingSettings.processes), ['many', '1.5'], 'a whole number'],
    [settingText(servingSettings.processes), ['65'], '1..64'],
    [projectName, ['', 'Loans', '../etc', '2loans', '\uFFFD', 'x'.repeat(64)], 'lower-case letters'],
    [someId, ['', '  '], 'Write an id'],
    [csvText('delimiter'), ['', ';;', '"', '\n'], "Write one character, such as ';', or tab."],
    [csvText('decimal'), ['comma', ''], "Write '.' or ','."],
    [csvText('encoding'), ['klingon', ''], "Write 'utf-8' or 'latin1' or"],
  ])('%# %s is refused with what to write', (rule, texts, sentence) => {
    for (const text of texts) {
      expect(() => rule(text)).toThrow(InvalidArgumentError);
      expect(() => rule(text)).toThrow(sentence);
    }
  });
});
