// Every option of every detector of the registry can be set in a project file, for single features too where it is one
// of inputs, and is refused out of its range. A new detector is tried here by being registered.

import { expect, it } from '@jest/globals';
import { ALPHA, type DetectorOption, optionsOf, SUBJECT_GROUPS } from '@millrace/drift';
import { LOANS } from '../test/loans.js';
import { parseProject } from './parse-project.js';

function monitoringOf(section: string) {
  const parsed = parseProject(`${LOANS}monitoring: ${section}\n`, 'project.yaml');
  return parsed.kind === 'ok' ? parsed.project.monitoring : parsed.faults;
}

const options = SUBJECT_GROUPS.flatMap((group) =>
  Object.entries(optionsOf(group)).map(([key, option]) => [group, key, option] as const),
);
/** In range, and not the default. */
const other = ({ minimum, maximum, default: fallback }: DetectorOption) =>
  (fallback + Math.min(maximum, 2 * fallback + 1)) / 2 || minimum;

it.each(options)('%s.%s has its default, and takes another value', (group, key, option) => {
  const values = (section: string) => {
    const monitoring = monitoringOf(section);
    if (Array.isArray(monitoring)) throw new Error(JSON.stringify(monitoring));
    return group === 'input' ? monitoring.input.options : monitoring[group];
  };
  expect(values('{}')[key]).toBe(option.default);
  expect(other(option)).not.toBe(option.default);
  expect(values(`{ ${group}: { ${key}: ${other(option)} } }`)).toMatchObject({ [key]: other(option) });
});

it.each(options)('%s.%s is refused out of its range', (group, key, { minimum, maximum }) => {
  for (const value of [minimum - 0.001, maximum + 0.001, '"many"']) {
    expect(monitoringOf(`{ ${group}: { ${key}: ${value} } }`)).toEqual([
      expect.objectContaining({ path: `monitoring.${group}.${key}`, line: 13 }),
    ]);
  }
});

it.each(Object.entries(optionsOf('input')))('%s can be set for one feature', (key, option) => {
  const section = (value: number) => `{ input: { features: { income: { ${key}: ${value} } } } }`;
  expect(monitoringOf(section(other(option)))).toMatchObject({
    input: {
      options: { [key]: option.default },
      features: { income: { ignore: false, options: { [key]: other(option) } } },
    },
  });
  expect(monitoringOf(section(option.maximum + 1))).toEqual([
    expect.objectContaining({ path: `monitoring.input.features.income.${key}` }),
  ]);
});

it('alpha too; and a key of no detector is refused with the nearest one', () => {
  expect(monitoringOf('{}')).toMatchObject({ input: { alpha: ALPHA.default, features: {} } });
  expect(monitoringOf('{ input: { alpha: 0.01, features: { income: { ignore: true } } } }')).toMatchObject({
    input: { alpha: 0.01, features: { income: { ignore: true, options: {} } } },
  });
  expect(monitoringOf('{ input: { ksStatistics: 0.2 } }')).toEqual([
    expect.objectContaining({ message: expect.stringContaining("Did you mean 'ksStatistic'?") }),
  ]);
});
