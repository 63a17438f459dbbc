import { describe, expect, it } from '@jest/globals';
import { allowFault } from './address-guard.js';

describe('the list of addresses that webhooks may go to', () => {
  it.each(['127.0.0.1', '::1', '10.1.0.0/16', 'fd00:1::/64', 'hooks.internal'])('takes %s', (entry) => {
    expect(allowFault(entry)).toBeUndefined();
  });

  it.each([
    ['127.0.0.1:20499', '127.0.0.1:20499 is no host name and no address; without a port: 127.0.0.1'],
    ['hooks.internal:80', 'hooks.internal:80 is no host name and no address; without a port: hooks.internal'],
    ['-x-', '-x- is no host name and no address'],
    ['10.0.0.0/99', '10.0.0.0/99 is no range such as 10.1.0.0/16 or fd00:1::/64'],
  ])('says of %s what to write instead', (entry, fault) => {
    expect(allowFault(entry)).toBe(fault);
  });
});
