// Texts that name addresses: an IPv4 or IPv6 address in its one spelling, a range in CIDR form, a host name. For
// settings, which refuse what is none of them, and for the guard that decides by them. O(length of the text).

export interface AddressRange {
  address: string;
  /** Bits that are fixed; all of them: one address. */
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
/** What may stand between the brackets of a URL; whether it is an address says the URL's own parser. */
const IPV6_CHARACTERS = /^[0-9a-f:.]{2,45}$/i;
const MAPPED = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/;
/** The dot at the end of a name that is whole, as in clusters' settings, is part of it. */
const HOST_NAME = /^[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?\.?$/i;

/** IPv4 within IPv6 as IPv4; a zone ("fe80::1%eth0") is no part of an address that one may send to. */
export function canonicalAddress(address: string): Omit<AddressRange, 'prefix'> | undefined {
  if (IPV4.test(address)) return { address, family: 'ipv4' };
  if (!IPV6_CHARACTERS.test(address) || !URL.canParse(`http://[${address}]/`)) return undefined;
  // The one spelling of an IPv6 address, whatever was written.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = MAPPED.exec(text);
  if (mapped === null) return { address: text, family: 'ipv6' };
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return { address: [high >> 8, high & 255, low >> 8, low & 255].join('.'), family: 'ipv4' };
}

/** Of an address or a range; undefined: it is neither. */
export function addressRange(text: string): AddressRange | undefined {
  const [address = '', prefixText, more] = text.split('/');
  const plain = canonicalAddress(address);
  if (plain === undefined || more !== undefined) return undefined;
  const longest = plain.family === 'ipv4' ? 32 : 128;
  if (prefixText === undefined) return { ...plain, prefix: longest };
  if (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > longest) return undefined;
  return { ...plain, prefix: Number(prefixText) };
}

/** A name that a resolver may be asked for; four numbers with dots are an address, or nothing. */
export function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !text.includes('..') && !/^[\d.]+$/.test(text);
}

/** A port that one may call. */
export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}
