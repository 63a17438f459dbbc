import { expect, it } from '@jest/globals';
import { calledFrom } from './caller.js';

it('says tool and address as they were said, and of what is no name of one nothing', () => {
  const said = { 'millrace-tool': 'cli', 'millrace-from': '10.0.0.9' };
  expect(calledFrom(said, '::ffff:127.0.0.1')).toEqual({ tool: 'cli', address: '10.0.0.9' });
  expect(calledFrom({ 'millrace-tool': 'A tool', 'millrace-from': 'a b' }, '::ffff:127.0.0.1', 'grpc')).toEqual({
    tool: 'grpc',
    address: '127.0.0.1',
  });
});

it('took a caller for the router itself, whose refused words the audit does not keep', () => {
  expect(calledFrom({ 'millrace-tool': 'router' }, '10.0.0.9')).toEqual({ tool: 'http', address: '10.0.0.9' });
});
