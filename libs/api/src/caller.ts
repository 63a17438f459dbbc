// Where a call came from, as it is said: nobody's word is checked. A tool names itself in a header; who hands a
// person's word on (the dashboard's monitor) says where it came from. Kept with what was done (audit.v1).

export const CALLER_HEADERS = {
  /** Such as cli, dashboard. */
  tool: 'millrace-tool',
  /** The address of the person's machine, of whoever hands the word on. */
  address: 'millrace-from',
} as const;

export interface CalledFrom {
  tool: string;
  address: string;
}

const TOOL = /^[a-z][a-z0-9-]{0,31}$/;
/** Who acts of its own accord: no caller is taken for it. */
export const OWN_TOOL = 'router';
/** IPv4, IPv6, with a zone. */
const ADDRESS = /^[0-9a-zA-Z.:%_-]{1,64}$/;

/**
 * @param headers by lower-case name
 * @param address where the connection came from
 */
export function calledFrom(
  headers: Readonly<Record<string, unknown>>,
  address: string,
  otherwise = 'http',
): CalledFrom {
  const said = (name: string, form: RegExp): string | undefined => {
    const value = headers[name];
    return typeof value === 'string' && form.test(value) ? value : undefined;
  };
  const tool = said(CALLER_HEADERS.tool, TOOL);
  return {
    tool: tool === undefined || tool === OWN_TOOL ? otherwise : tool,
    address: said(CALLER_HEADERS.address, ADDRESS) ?? address.replace(/^::ffff:/i, ''),
  };
}
