import { describe, expect, it } from '@jest/globals';
import { addressRange, canonicalAddress, isHostName, isPort } from './address-range.js';

describe('addresses', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['0.0.0.0', '0.0.0.0'],
    ['::1', '::1'],
    ['FD00:0:0::1', 'fd00::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:7f00:1', '127.0.0.1'],
    ['256.1.1.1', undefined],
    ['01.1.1.1', undefined],
    ['1.2.3', undefined],
    ['0x7f.1', undefined],
    ['fe80::1%eth0', undefined],
    [':::', undefined],
    ['1]/', undefined],
    ['', undefined],
    ['localhost', undefined],
  ])('%s', (text, address) => {
    expect(canonicalAddress(text)?.address).toBe(address);
  });

  it.each([
    ['10.1.0.0/16', { address: '10.1.0.0', prefix: 16, family: 'ipv4' }],
    ['fd00:1::/64', { address: 'fd00:1::', prefix: 64, family: 'ipv6' }],
    ['127.0.0.1', { address: '127.0.0.1', prefix: 32, family: 'ipv4' }],
    ['10.0.0.0/33', undefined],
    ['10.0.0.0/8/8', undefined],
    ['10.0.0.0/x', undefined],
    ['hooks/8', undefined],
  ])('the range %s', (text, range) => {
    expect(addressRange(text)).toEqual(range);
  });

  it('knows a host name from an address that is none, and a port from a number that is none', () => {
    for (const name of ['localhost', 'hooks.internal', 'a-b.c', 'serving_1', 'kafka.svc.cluster.local.'])
      expect([name, isHostName(name)]).toEqual([name, true]);
    for (const name of ['', '.', 'a..', '-x-', 'a b', 'a:1', 'a..b', '1.2.3', '300.1.1.1', 'x/y'])
      expect([name, isHostName(name)]).toEqual([name, false]);
    expect(['0', '1', '65535', '65536', '-1', '08x', ''].filter(isPort)).toEqual(['1', '65535']);
  });
});
