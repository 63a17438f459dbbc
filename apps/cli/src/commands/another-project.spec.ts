import { expect, it } from '@jest/globals';
import { EXIT_BY_CODE } from '../exit-codes.js';
import { mustBeOneProject } from './another-project.js';

const APPLIED = { data: { columns: [{ name: 'at' }, { name: 'amount' }] } };

it('a file that shares no column with the applied project of its name is another one', () => {
  const apply = (...columns: string[]) => mustBeOneProject('t-2024', 'project.yaml', columns, APPLIED);
  expect(() => apply('at', 'other')).not.toThrow();
  expect(() => apply('species', 'weight')).toThrow(
    /'t-2024' is applied, with the columns 'at', 'amount', .* --name NAME/,
  );
  expect(EXIT_BY_CODE.conflict).toBe(5);
  expect(() => mustBeOneProject('p', 'project.yaml', ['x'], {})).not.toThrow();
});
