// The table of ports as docs/ARCHITECTURE.md shows it; `npm run settings` writes it there.

import { type Listener, PORTS, type PortName, portNamesOf } from './ports.js';

const LISTENERS: readonly Listener[] = ['router', 'ingest', 'trainer', 'serving', 'monitor', 'kafka', 'redis'];

function cell(name: PortName): string {
  const port: { base: number; speaks?: string } = PORTS[name];
  return port.speaks === undefined ? `${port.base}` : `${port.base} (${port.speaks})`;
}

/** Markdown. */
export function portsTable(): string {
  const rows = LISTENERS.map((listener) => {
    const names = portNamesOf(listener);
    const of = (what: string) => names.filter((name) => PORTS[name].what === what).map(cell);
    const others = names.filter((name) => PORTS[name].what !== 'HTTP' && PORTS[name].what !== 'gRPC');
    const rest = others.map((name) => `${PORTS[name].base} ${PORTS[name].what}`).join(', ');
    return `| ${listener} | ${of('HTTP')} | ${of('gRPC')} | ${rest} |`;
  });
  return ['| process | HTTP | gRPC | other |', '|---|---|---|---|', ...rows].join('\n');
}
