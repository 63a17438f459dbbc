// Serving's nv_inference_* families for the router's own /metrics: Triton's dashboards and autoscalers scrape port
// 8002.

import { Agent, get } from 'node:http';

/** A scrape waits no longer for serving; without it the router's own families are still told. */
const TIMEOUT_MS = 500;
/** Far above the families of the 16 versions that serving holds of a project. */
const BYTES_MAX = 4 * 1024 * 1024;
const TRITON_LINE = /^(?:# (?:HELP|TYPE) )?nv_/;

interface Place {
  /** host:port, by which several are told apart. */
  address: string;
  host: string;
  httpPort: number;
}

/** The lines of Triton's families in an exposition, in their order; '' where there are none. */
function tritonFamilies(exposition: string): string {
  const lines = exposition.split('\n').filter((line) => TRITON_LINE.test(line));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Families stay together, as Prometheus' text format demands; whose a series is says its label `serving`. */
function merged(texts: readonly { address: string; text: string }[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const { address, text } of texts) {
    let family: { head: string[]; samples: string[] } | undefined;
    for (const line of text.split('\n')) {
      const name = /^# (?:HELP|TYPE) (\S+)/.exec(line)?.[1];
      if (name !== undefined) {
        family = families.get(name) ?? { head: [], samples: [] };
        families.set(name, family);
        if (!family.head.includes(line)) family.head.push(line);
      } else if (line !== '') family?.samples.push(labelled(line, address));
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...head, ...samples]);
  return lines.map((line) => `${line}\n`).join('');
}

function labelled(line: string, address: string): string {
  const [, name = '', labels = '', rest = ''] = /^([^{ ]+)(?:\{(.*)\})?( .*)$/.exec(line) ?? [];
  return `${name}{serving="${address}"${labels === '' ? '' : `,${labels}`}}${rest}`;
}

export class ServingMetrics {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 2 });

  constructor(private readonly servings: readonly Place[]) {}

  close(): void {
    this.agent.destroy();
  }

  /** Never rejects: '' while serving is away. Of several each series says whose it is. */
  async read(): Promise<string> {
    const texts = await Promise.all(
      this.servings.map(async (place) => ({ address: place.address, text: await this.of(place) })),
    );
    return texts.length === 1 ? (texts[0] as { text: string }).text : merged(texts);
  }

  private of({ host, httpPort: port }: Place): Promise<string> {
    const { agent } = this;
    return new Promise((resolve) => {
      const request = get({ host, port, path: '/metrics', agent, timeout: TIMEOUT_MS }, (answer) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > BYTES_MAX) request.destroy();
          else chunks.push(chunk);
        });
        answer.on('close', () => resolve(''));
        answer.on('end', () =>
          resolve(answer.statusCode === 200 ? tritonFamilies(Buffer.concat(chunks).toString()) : ''),
        );
      });
      request.on('timeout', () => request.destroy());
      request.on('error', () => resolve(''));
    });
  }
}
