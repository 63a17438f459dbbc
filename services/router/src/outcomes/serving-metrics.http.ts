// Serving's nv_inference_* families for the router's own /metrics: Triton's dashboards and autoscalers scrape port
// 8002.

import { Agent, get } from 'node:http';

/** A scrape waits no longer for serving; without it the router's own families are still told. */
const TIMEOUT_MS = 500;
/** Far above the families of the 16 versions that serving holds of a project. */
const BYTES_MAX = 4 * 1024 * 1024;
const TRITON_LINE = /^(?:# (?:HELP|TYPE) )?nv_/;

/** The lines of Triton's families in an exposition, in their order; '' where there are none. */
function tritonFamilies(exposition: string): string {
  const lines = exposition.split('\n').filter((line) => TRITON_LINE.test(line));
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

export class ServingMetrics {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 2 });

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  close(): void {
    this.agent.destroy();
  }

  /** Never rejects: '' while serving is away. */
  read(): Promise<string> {
    const { host, port, agent } = this;
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
