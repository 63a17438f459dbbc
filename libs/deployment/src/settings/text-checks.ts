// What is wrong with the text of a setting, in words that follow the setting's name; undefined = nothing. Where a
// pattern would only show itself, these say what to write instead. None repeats the text: it may be a secret.

import { addressRange, canonicalAddress, isHostName, isPort } from '@millrace/domain';

type TextCheck = (text: string) => string | undefined;

const isHost = (text: string) => isHostName(text) || canonicalAddress(text) !== undefined;
const hasScheme = (text: string) => /^[a-z]+:\/\//i.test(text);

/** An address to listen on or to call: a name or an address, without a port. */
export const hostFault: TextCheck = (text) => {
  if (isHost(text)) return undefined;
  if (hasScheme(text)) return 'is no host: write it without the scheme';
  return /^[^:]+:\d+$/.test(text) ? 'is no host: write it without the port' : 'is no host name and no address';
};

/** The host of "host:port" or "[fd00::1]:port", and the port; undefined: it is neither. */
function hostAndPortOf(text: string): [host: string, port: string] | undefined {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d+)$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || port === undefined ? undefined : [host, port];
}

/** Where somebody else listens: host:port. */
export const hostPortFault: TextCheck = (text) => {
  if (hasScheme(text)) return 'is no host:port: write it without the scheme';
  const parts = hostAndPortOf(text);
  if (parts === undefined) return 'is no host:port';
  const [host, port] = parts;
  if (!isHost(host)) return 'has no host name and no address before the port';
  return isPort(port) ? undefined : 'has a port outside 1..65535';
};

/** Nothing, or host:port. */
export const hostPortOrNoneFault: TextCheck = (text) => (text === '' ? undefined : hostPortFault(text));

/** A host name, an address, or a range of addresses. */
export const hostOrRangeFault: TextCheck = (text) => {
  if (addressRange(text) !== undefined) return undefined;
  if (text.includes('/') && !hasScheme(text)) return 'is no range such as 10.1.0.0/16 or fd00:1::/64';
  return hostFault(text);
};

/** A URL of one of the schemes, with a host. */
export const urlFault =
  (...schemes: readonly string[]): TextCheck =>
  (text) => {
    const wanted = schemes.map((scheme) => `${scheme}://`).join(' or ');
    if (!schemes.some((scheme) => text.startsWith(`${scheme}://`))) return `does not begin with ${wanted}`;
    return URL.canParse(text) && new URL(text).hostname !== '' ? undefined : `is no URL: write ${wanted}host:port`;
  };

/** An amount of memory, as DuckDB reads it. */
export const memoryFault: TextCheck = (text) =>
  /^[1-9]\d{0,5}(MB|GB)$/.test(text) ? undefined : 'is no amount of memory such as 256MB or 2GB';
