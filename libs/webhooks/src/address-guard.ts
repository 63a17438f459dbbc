// Which addresses webhooks may be sent to. Whoever may edit a project file must not reach, through the platform,
// what only the platform can reach: its own ports, the machine, the private network, a cloud's metadata service. So
// only addresses of the public Internet pass, and what the operator names: a host, an address, or a range in CIDR
// form.
//
// IPv4: everything but the special ranges of RFC 6890. IPv6: only global unicast (2000::/3), and of it none that
// carries an IPv4 address inside or is for documentation; an IPv4 address written as IPv6 is judged as the IPv4
// address. O(1).

import { BlockList } from 'node:net';
import { type AddressRange, addressRange, canonicalAddress } from '@millrace/domain';

/** Ranges without a receiver on the Internet. */
const SPECIAL_V4: readonly string[] = [
  // "This network", private, shared by the customers of a provider.
  ...['0.0.0.1/8', '10.0.0.0/8', '100.64.0.0/10'],
  // Loopback, link-local with the metadata services of clouds, private.
  ...['127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  // Protocol assignments, documentation, 6to4 relays, private, benchmarks, documentation twice more.
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  // Multicast; reserved, with broadcast.
  ...['224.0.0.0/4', '240.0.0.0/4'],
];
/** Within 2000::/3: protocol assignments with Teredo, documentation, 6to4, documentation. */
const SPECIAL_V6: readonly string[] = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const specialV4 = listOf(SPECIAL_V4, 'ipv4');
const specialV6 = listOf(SPECIAL_V6, 'ipv6');
const globalV6 = listOf(['2000::/3'], 'ipv6');

export class AddressGuard {
  private readonly hosts = new Set<string>();
  private readonly allowed = new BlockList();

  /** @param allow host names, addresses and ranges; the setting refuses what is none of them. */
  constructor(allow: readonly string[] = []) {
    for (const entry of allow) {
      const range = addressRange(entry);
      if (range === undefined) this.hosts.add(entry.toLowerCase());
      else this.allowed.addSubnet(range.address, range.prefix, range.family);
    }
  }

  /** Whether the operator has named this host: then all of its addresses will do. */
  isNamed(host: string): boolean {
    return this.hosts.has(host.toLowerCase());
  }

  /** Why nothing is sent to the address; undefined = it may be. */
  refusal(address: string): string | undefined {
    const plain = canonicalAddress(address);
    if (plain === undefined) return 'not an address';
    const { address: text, family } = plain;
    if (this.allowed.check(text, family)) return undefined;
    if (family === 'ipv4') return specialV4.check(text, 'ipv4') ? 'not an address of the public Internet' : undefined;
    const isPublic = globalV6.check(text, 'ipv6') && !specialV6.check(text, 'ipv6');
    return isPublic ? undefined : 'not an address of the public Internet';
  }
}

function listOf(ranges: readonly string[], family: AddressRange['family']): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
