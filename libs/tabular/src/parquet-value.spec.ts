import { expect, it } from '@jest/globals';
import { parquetValue } from './parquet-value.js';

it.each<[string, Parameters<typeof parquetValue>[2], string]>([
  ['BIGINT', 'digits', 'x::VARCHAR'],
  ['UBIGINT', 'digits', 'x::VARCHAR'],
  ['BIGINT', 'double', 'x::DOUBLE'],
  ['BIGINT', 'exact', 'x'],
  ['DOUBLE', 'digits', 'x::DOUBLE'],
  ['DECIMAL(18,3)', 'exact', 'x::DOUBLE'],
  ['BOOLEAN', 'digits', 'x'],
  ['DATE', 'digits', 'epoch_ms(x)::DOUBLE'],
  ['TIMESTAMP WITH TIME ZONE', 'exact', 'epoch_ms(x)::DOUBLE'],
  ['VARCHAR', 'double', 'x::VARCHAR'],
  ['UUID', 'digits', 'x::VARCHAR'],
])('%s, whole numbers as %s: %s', (type, whole, sql) => expect(parquetValue('x', type, whole)).toBe(sql));
